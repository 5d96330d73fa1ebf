"""What tests of text and pair readers share: files written by Python's own writers, and what list_samples reads."""

import csv
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
import unittest
import zipfile

from PIL import Image

SOURCE = pathlib.Path(__file__).resolve().parents[2]
LIST_SAMPLES = pathlib.Path(os.environ.get("TRIBUTARY_TEST_BIN", SOURCE / "build/release/tests")) / "list_samples"


def picture(number):
    """A PNG or JPEG of its own for each number."""
    buffer = io.BytesIO()
    image = Image.new("RGB", (8, 6), (number % 256, number // 256 % 256, 77))
    image.save(buffer, "PNG" if number % 2 else "JPEG")
    return buffer.getvalue()


class ReaderTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="official_texts."))
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def write_csv(self, name, rows, **how):
        text = io.StringIO()
        csv.writer(text, **how).writerows(rows)
        return self.write(name, text.getvalue())

    def write_json(self, name, value):
        return self.write(name, json.dumps(value))

    def write_images(self, folder, names):
        for number, name in enumerate(names):
            self.write(f"{folder}/{name}" if folder else name, picture(number))

    def pack(self, folder, archive):
        """Moves a folder into a .zip or .tar.gz beside it, under its name."""
        path = self.root / folder
        if archive.endswith(".zip"):
            with zipfile.ZipFile(self.root / archive, "w", zipfile.ZIP_DEFLATED) as packed:
                for file in sorted(path.rglob("*")):
                    packed.write(file, file.relative_to(path.parent))
        else:
            with tarfile.open(self.root / archive, "w:gz") as packed:
                packed.add(path, path.name)
        shutil.rmtree(path)

    def run_reader(self, dataset, root, *arguments):
        return subprocess.run([LIST_SAMPLES, dataset, root or self.root, *arguments], text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def read(self, dataset, *arguments, root=None):
        """Header, training and test samples."""
        done = self.run_reader(dataset, root, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        header, *samples = [json.loads(line) for line in done.stdout.splitlines()]
        train = [sample for sample in samples if sample["part"] == "train"]
        test = [sample for sample in samples if sample["part"] == "test"]
        self.assertEqual((len(train), len(test)), (header["train"], header["test"]))
        return header, train, test

    def refusal(self, dataset, *arguments, root=None):
        done = self.run_reader(dataset, root, *arguments)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        return done.stderr

    def skipped(self, header):
        return [(os.path.basename(one["file"]), one["line"], one["reason"]) for one in header["skipped"]]

    def assert_skipped(self, header, *expected):
        """(file, line, part of the reason) of each, in any order."""
        found = sorted(self.skipped(header))
        self.assertEqual(len(found), len(expected), found)
        for (file, line, reason), (wanted_file, wanted_line, part) in zip(found, sorted(expected)):
            self.assertEqual((file, line), (wanted_file, wanted_line), found)
            self.assertIn(part, reason, found)

    def pairs(self, samples):
        """(name of the image, text); the image's bytes are compared with those that were written."""
        for sample in samples:
            if (self.root / sample["file"]).is_file():
                content = (self.root / sample["file"]).read_bytes()
                self.assertEqual(sample["hash"], hashlib.sha256(content).hexdigest())
        return [(os.path.basename(sample["file"]), sample["text"]) for sample in samples]


def texts(samples):
    return [(sample["class"], sample["text"]) for sample in samples]
