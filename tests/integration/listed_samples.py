"""Runs list_samples and reads what it prints; archives in every form, by Python's own writers."""

import dataclasses
import io
import json
import os
import pathlib
import subprocess
import tarfile
import zipfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("TRIBUTARY_TEST_BIN", SOURCE / "build/release/tests")) / "list_samples"
FORMS = [".zip", ".stored.zip", ".tar", ".ustar.tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"]


class ReaderError(Exception):
    """list_samples ended with code 1: the reader's error."""


@dataclasses.dataclass
class Listed:
    header: dict
    train: list
    test: list

    @property
    def skipped(self):
        return [(pathlib.Path(s["file"]).name, s["line"], s["reason"]) for s in self.header["skipped"]]


def list_samples(dataset, root, *options):
    done = subprocess.run([TOOL, dataset, root, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=120)
    if done.returncode == 1:
        raise ReaderError(done.stderr.strip())
    assert done.returncode == 0, f"list_samples {dataset} {root}: exit code {done.returncode}\n{done.stderr}"
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    parts = {part: [line for line in lines[1:] if line["part"] == part] for part in ("train", "test")}
    assert lines[0]["train"] == len(parts["train"]) and lines[0]["test"] == len(parts["test"])
    return Listed(lines[0], **parts)


def put(folder, files):
    """Writes {name: bytes} as files below `folder`."""
    for name, content in files.items():
        path = pathlib.Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def pack(path, files):
    """Writes {name: bytes} as an archive of the form that `path` ends in; one of FORMS."""
    name = path.name
    if name.endswith(".zip"):
        method = zipfile.ZIP_STORED if name.endswith(".stored.zip") else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "w", method) as archive:
            for file, content in files.items():
                archive.writestr(file, content)
        return
    mode = {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz", "tar": "w"}[name.rsplit(".", 1)[1]]
    form = tarfile.USTAR_FORMAT if ".ustar" in name else tarfile.PAX_FORMAT
    with tarfile.open(path, mode, format=form) as archive:
        for file, content in files.items():
            info = tarfile.TarInfo(file)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
