"""Writes the seeds of fuzz_npy, fuzz_idx and fuzz_pickle: make_parser_seeds.py FOLDER, normally tests/fuzz/corpus.

By Python's and numpy's own writers, and tests/integration/python2_pickle.py for what Python 2 wrote; broken ones are
made of these. Bytes are the same each time, but for other versions of numpy.
"""

import io
import os
import pathlib
import pickle
import struct
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
import python2_pickle  # noqa: E402


def npy(array, version=None):
    file = io.BytesIO()
    numpy.lib.format.write_array(file, array, version=version)
    return file.getvalue()


def npy_seeds():
    counted = numpy.arange(12)
    for dtype in ("|b1", "|u1", "|i1", "<u2", ">u2", "<i4", ">i4", "<i8", ">i8", "<u8", "<f4", ">f8"):
        name = dtype.replace("<", "little-").replace(">", "big-").replace("|", "")
        yield name, npy(counted.astype(dtype))
    for version in (1, 2, 3):
        yield f"version-{version}", npy(counted.astype("u1").reshape(3, 4), (version, 0))
    yield "empty", npy(numpy.zeros((0, 5), "u1"))
    yield "one-number", npy(numpy.array(7))
    yield "fortran", npy(numpy.asfortranarray(counted.reshape(3, 4)))
    yield "objects", npy(numpy.array([None, "text"]))
    yield "fields", npy(numpy.zeros(2, [("label", "u1"), ("value", "f4")]))
    yield "largest", npy(numpy.array([2**64 - 1], "u8"))
    good = npy(counted.astype("u1").reshape(3, 4))
    yield "shape-too-large", good.replace(b"(3, 4)", b"(9, 4)")
    yield "shape-beyond-all", good.replace(b"(3, 4), }    ", b"(99999999999),}")
    yield "shape-of-python-2", good.replace(b"(3, 4), } ", b"(3L, 4), }")
    yield "cut-in-the-header", good[:40]
    yield "cut-in-the-values", good[:-3]
    yield "header-length-lies", good[:8] + b"\xff\xff" + good[10:]


def idx_seeds():
    def header(*shape, kind=8):
        return struct.pack(">HBB", 0, kind, len(shape)) + struct.pack(f">{len(shape)}I", *shape)
    yield "labels", header(5) + bytes(range(5))
    yield "images", header(2, 3, 4) + bytes(range(24))
    yield "four-dimensions", header(1, 2, 2, 2) + bytes(8)
    yield "empty", header(0, 28, 28)
    yield "floats", header(2, kind=0x0d) + bytes(8)
    yield "no-dimension", header() + b"x"
    yield "beyond-all", header(2**32 - 1, 2**32 - 1, 2**32 - 1) + b"x"
    yield "wraps-around", header(2**31, 2**31, 4) + b"x"
    yield "cut-in-the-header", header(2, 3, 4)[:9]
    yield "cut-in-the-values", header(2, 3, 4) + bytes(23)
    yield "nothing", b""


def pickle_seeds():
    pixels = (numpy.arange(40) * 7 % 256).astype(numpy.uint8).reshape(2, 20)
    batch = {"data": pixels, "fine_labels": [3, 70_000], "filenames": ["a'.png", "b\u00e9\u20ac\U0001f600\n\\"],
             "more": (None, True, False, -5, 2**40, -2**62, 1.5, b"bytes\x00\xff", (), (1,), (1, 2, 3, 4), {})}
    for protocol in range(6):
        yield f"batch-{protocol}", pickle.dumps(batch, protocol)
        yield f"scalar-{protocol}", pickle.dumps([numpy.int64(-3), numpy.uint8(200), bytearray(b"\x80a")], protocol)
    for protocol in (0, 2):
        yield f"python-2-{protocol}", python2_pickle.dumps(
            {b"data": pixels, b"labels": [1, 2], b"label_names": [b"it's", b"\x00\n\\\xff" * 80], b"n": (None,)}, protocol)
    yield "older-numpy", pickle.dumps(batch, 2).replace(b"numpy._core.", b"numpy.core.")
    yield "read-as-latin-1", pickle.dumps(pickle.loads(python2_pickle.dumps({b"data": pixels}, 2), encoding="latin1"))
    for dtype in ("<i4", ">i4", "<f8"):
        yield f"array-{dtype[1:]}-{'big' if dtype[0] == '>' else 'little'}", pickle.dumps(pixels.astype(dtype), 2)
    yield "fortran", pickle.dumps(numpy.asfortranarray(pixels), 4)
    yield "objects", pickle.dumps(numpy.array([None, "text"]), 2)
    itself = []
    itself.append(itself)
    yield "a-list-in-itself", pickle.dumps(itself, 2)
    yield "much-of-one-value", pickle.dumps([["x" * 50] * 20] * 20, 2)

    class Evil:
        def __reduce__(self):
            return os.system, ("true",)
    for protocol in (0, 2, 4):
        yield f"evil-{protocol}", pickle.dumps(Evil(), protocol)
    yield "evil-instance", b"(S'true'\nios\nsystem\n."
    good = pickle.dumps(batch, 4)
    yield "cut-short", good[:-20]
    yield "two-stops", good + good
    yield "nothing", b""
    yield "deep", b"(" * 200 + b"t" * 200 + b"."
    yield "decoded-again-and-again", (b"\x80\x02c_codecs\nencode\nq\x00X\x40\x00\x00\x00" + b"x" * 64 +
                                      b"q\x01X\x06\x00\x00\x00latin1q\x02" + b"h\x00h\x01h\x02\x86R0" * 40 + b"N.")
    yield "lengths-that-lie", b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f."
    yield "below-the-mark", b"N(0."
    yield "append-to-none", b"NNa."


def main(folder):
    for name, seeds in (("npy", npy_seeds()), ("idx", idx_seeds()), ("pickle", pickle_seeds())):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for seed, content in seeds:
            (folder / name / seed).write_bytes(content)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make_parser_seeds.py FOLDER")
    main(pathlib.Path(sys.argv[1]))
