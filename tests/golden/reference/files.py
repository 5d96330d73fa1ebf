"""The files of a golden folder: safetensors of numpy arrays, and JSON."""
import json
import pathlib
import struct

import numpy as np

TYPES = {"F32": np.float32, "I64": np.int64, "U8": np.uint8}
NAMES = {np.dtype(kind): name for name, kind in TYPES.items()}


def write_tensors(path: pathlib.Path, tensors: dict[str, np.ndarray]) -> None:
    """Writes `tensors` in their order; float64 becomes float32."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header, chunks, offset = {}, [], 0
    for name, tensor in tensors.items():
        tensor = np.asarray(tensor)
        if tensor.dtype == np.float64:
            tensor = tensor.astype(np.float32)
        chunks.append(tensor.tobytes())
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [offset, offset + len(chunks[-1])]}
        offset += len(chunks[-1])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(chunks))


def read_tensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The tensors of a file, in its order."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8:8 + length])
    data = content[8 + length:]
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], TYPES[entry["dtype"]])
        .reshape(entry["shape"]).copy()
        for name, entry in header.items() if name != "__metadata__"
    }


def write_json(path: pathlib.Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1))


def read_json(path: pathlib.Path):
    return json.loads(path.read_text())
