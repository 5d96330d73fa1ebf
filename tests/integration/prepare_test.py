"""`tributary prepare` from files in their publishers' formats to shards, which Python reads back by the documentation."""

import csv
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from PIL import Image

import shard_reader

TOOL = pathlib.Path(os.environ["TRIBUTARY_BIN"]) / "tributary"
FILES = ["test/test.shard", "client-00/train.shard", "client-01/train.shard", "client-02/train.shard"]


def write_cifar(folder, train, test, seed=1):
    """CIFAR-100's binary form: coarse label, fine label, 3072 bytes of planes. Returns (label, [32,32,3]) of both."""
    folder.mkdir(parents=True)
    made = []
    numbers = np.random.default_rng(seed)
    for name, count in [("train.bin", train), ("test.bin", test)]:
        fine = numbers.integers(0, 100, count)
        planes = numbers.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)
        with open(folder / name, "wb") as file:
            for label, image in zip(fine, planes):
                file.write(bytes([label // 5, label]) + image.tobytes())
        made.append([(int(label), image.transpose(1, 2, 0)) for label, image in zip(fine, planes)])
    (folder / "fine_label_names.txt").write_text("".join(f"fine-{i:02d}\n" for i in range(100)))
    (folder / "coarse_label_names.txt").write_text("".join(f"coarse-{i:02d}\n" for i in range(20)))
    return made


def smooth(numbers, width, height):
    """An image that JPEG keeps well: a few random colours, blown up."""
    small = numbers.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def write_photos(folder, count, seed=1, size=(120, 90)):
    """A folder of JPEG per class, twice: train and test."""
    numbers = np.random.default_rng(seed)
    for part, many in [("train", count), ("test", max(2, count // 4))]:
        for i in range(many):
            path = folder / part / ("cat" if i % 2 else "dog") / f"{i:05d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            smooth(numbers, *size).save(path, quality=90)


class Prepare(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tributary-prepare-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_tool(self, *options, code=0):
        done = subprocess.run([TOOL, "prepare", *map(str, options)], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def prepare(self, *options):
        return json.loads(self.run_tool(*options, "--json").stdout.splitlines()[-1])

    def bytes_of(self, out):
        return [(self.folder / out / name).read_bytes() for name in FILES]

    def test_cifar_100_comes_out_sample_by_sample(self):
        train, test = write_cifar(self.folder / "root/cifar-100-binary", 600, 60)
        out = self.folder / "out"
        report = self.prepare("--dataset", "cifar-100", "--root", self.folder / "root", "--partition", "dirichlet:0.5",
                              "--clients", 3, "--seed", 1, "--image-size", 32, "--out", out)
        self.assertEqual((report["samples"], report["test_samples"], report["classes"], report["skipped"]), (600, 60, 100, 0))
        got = []
        for client in report["clients"]:
            rows = shard_reader.rows(out / client["id"] / "train.shard")
            counts = np.bincount([label for _, label, _ in rows], minlength=100)
            self.assertEqual(counts.tolist(), client["class_counts"])
            self.assertGreaterEqual(len(rows), 10)
            got += [(label, image.tobytes()) for image, label, _ in rows]
        self.assertEqual(sorted(got), sorted((label, image.tobytes()) for label, image in train))
        tested = [(label, image.tobytes()) for image, label, _ in shard_reader.rows(out / "test/test.shard")]
        self.assertEqual(tested, [(label, image.tobytes()) for label, image in test])
        info = shard_reader.Shard(out / "test/test.shard").info
        self.assertEqual(info["classes"][7], "fine-07")
        np.testing.assert_allclose(info["mean"], [.5071, .4865, .4409], atol=1e-6)

    def test_the_same_source_and_seed_give_the_same_bytes(self):
        write_cifar(self.folder / "root", 300, 30)
        options = ["--dataset", "CIFAR100", "--root", self.folder / "root", "--partition", "dirichlet:0.5", "--clients", 3,
                   "--image-size", 40]
        first = self.prepare(*options, "--seed", 1, "--threads", 1, "--out", self.folder / "a")
        second = self.prepare(*options, "--seed", 1, "--threads", 4, "--out", self.folder / "b")
        self.assertEqual(self.bytes_of("a"), self.bytes_of("b"))
        self.assertEqual(first["digest"], second["digest"])
        other = self.prepare(*options, "--seed", 2, "--out", self.folder / "c")
        self.assertNotEqual(first["digest"], other["digest"])
        self.assertFalse(self.prepare(*options, "--seed", 1, "--out", self.folder / "a")["fresh"])

    def test_the_manifest_tells_where_everything_came_from(self):
        write_cifar(self.folder / "root", 100, 20)
        out = self.folder / "out"
        self.prepare("--dataset", "cifar-100", "--root", self.folder / "root", "--clients", 2, "--image-size", 32, "--out", out)
        manifest = json.loads((out / "manifest.json").read_text())
        self.assertIn("--dataset cifar-100", manifest["command"])
        self.assertTrue(manifest["licence"])
        self.assertIn("bilinear", manifest["transforms"])
        self.assertEqual(manifest["sources"]["images"]["count"], 120)
        self.assertEqual(manifest["sources"]["images"]["bytes"], 120 * 3072)
        self.assertEqual(manifest["report"]["samples"], 100)
        self.assertIn("<svg", (out / "clients.svg").read_text())
        self.assertFalse((out / ".scratch").exists())

    def test_photographs_are_what_pillow_makes_of_them(self):
        write_photos(self.folder / "root", 20)
        for store in ["pixels", "original"]:
            out = self.folder / store
            self.prepare("--dataset", "image-folder", "--root", self.folder / "root", "--clients", 1, "--store", store,
                         "--image-size", 64, "--out", out)
            rows = shard_reader.rows(out / "test/test.shard")
            files = sorted((self.folder / "root/test").rglob("*.jpg"))
            self.assertEqual(len(rows), len(files))
            for (image, label, _), path in zip(rows, files):
                self.assertEqual(label, ["cat", "dog"].index(path.parent.name))
                theirs = Image.open(path).convert("RGB")
                if store == "pixels":
                    theirs = theirs.resize((64, 64), Image.Resampling.BILINEAR)
                difference = np.abs(image.astype(int) - np.asarray(theirs).astype(int))
                self.assertLessEqual(difference.max(), 1)
        shard = shard_reader.Shard(self.folder / "original/test/test.shard")
        begin, size = shard.info["columns"]["images"]
        self.assertEqual(bytes(shard.data[begin:begin + size]), b"".join(path.read_bytes() for path in files))

    def test_pairs_share_their_image_and_stay_together(self):
        write_photos(self.folder / "root", 40)
        with open(self.folder / "root/captions.csv", "w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["picture", "words", "part"])
            for path in sorted((self.folder / "root").rglob("*.jpg")):
                name = path.relative_to(self.folder / "root")
                for i in range(3):
                    table.writerow([name, f'the "{i}"th caption, of {path.stem} in {name.parts[0]}', name.parts[0]])
        report = self.prepare("--dataset", "csv", "--root", self.folder / "root/captions.csv", "--column", "path=picture",
                              "--column", "text=words", "--column", "split=part", "--partition", "pairs", "--clients", 2,
                              "--image-size", 16, "--name", "photos", "--out", self.folder / "out")
        self.assertEqual((report["modality"], report["test_samples"], report["dataset"]), ("pair", 30, "photos"))
        for client in report["clients"]:
            shard = shard_reader.Shard(self.folder / "out" / client["id"] / "train.shard")
            self.assertEqual(shard.info["rows"], 3 * shard.info["images"])
            stems = [re.search(r"of (\d+) in train", shard.text(row))[1] for row in range(shard.info["rows"])]
            self.assertEqual([stems.count(stem) for stem in stems], [3] * len(stems))

    def test_images_that_cannot_be_used_are_listed_and_strict_refuses_them(self):
        root = self.folder / "root"
        write_photos(root, 20)
        (root / "train/dog/00000.jpg").write_bytes((root / "train/dog/00000.jpg").read_bytes()[:500])
        (root / "train/cat/00001.jpg").write_bytes(b"not an image")
        shutil.copy(root / "test/cat/00001.jpg", root / "train/cat/leak.jpg")
        options = ["--dataset", "image-folder", "--root", root, "--clients", 2, "--image-size", 32]
        report = self.prepare(*options, "--out", self.folder / "out")
        self.assertEqual((report["samples"], report["skipped"]), (18, 3))
        listed = [json.loads(line) for line in (self.folder / "out/skipped.jsonl").read_text().splitlines()]
        self.assertEqual(sorted(pathlib.Path(one["file"]).name for one in listed), ["00000.jpg", "00001.jpg", "leak.jpg"])
        self.assertTrue(all(one["reason"] for one in listed))
        refused = self.run_tool(*options, "--strict", "--out", self.folder / "strict", code=3)
        self.assertRegex(refused.stderr, r"(00000|00001|leak)\.jpg")
        kept = self.prepare(*options, "--keep-leaks", "--out", self.folder / "leaks")
        self.assertEqual((kept["samples"], kept["skipped"]), (19, 2))

    def test_a_killed_preparation_goes_on_and_ends_in_the_same_bytes(self):
        write_photos(self.folder / "root", 600)
        options = [TOOL, "prepare", "--dataset", "image-folder", "--root", self.folder / "root", "--clients", "3",
                   "--image-size", "224", "--seed", "5", "--out"]
        subprocess.run([*options, self.folder / "whole"], check=True, capture_output=True, timeout=300)
        killed = subprocess.Popen([*options, self.folder / "cut"], stderr=subprocess.PIPE, text=True)
        for line in killed.stderr:  # a line for each tenth
            if re.search(r"\b[3-9]\d\d of \d+ images", line):
                break
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=60)
        done = subprocess.run([*options, self.folder / "cut"], check=True, capture_output=True, text=True, timeout=300)
        self.assertRegex(done.stderr, r"\(\d+ from before\)")
        self.assertEqual(self.bytes_of("whole"), self.bytes_of("cut"))

    def test_memory_does_not_grow_with_the_images(self):
        write_photos(self.folder / "root", 1500, size=(64, 48))
        # A process that starts another counts with what it held itself, so a small one does it.
        measure = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, capture_output=True); "
                   "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        done = subprocess.run([sys.executable, "-c", measure, TOOL, "prepare", "--dataset", "image-folder", "--root",
                               self.folder / "root", "--clients", "1", "--out", self.folder / "out"],
                              check=True, capture_output=True, text=True, timeout=300)
        self.assertGreater((self.folder / "out/client-00/train.shard").stat().st_size, 210 << 20)
        self.assertLess(int(done.stdout), 150 << 10)  # kB

    def test_what_cannot_work_is_said_before_anything_is_written(self):
        write_cifar(self.folder / "root", 100, 20)
        options = ["--dataset", "cifar-100", "--root", self.folder / "root", "--out", self.folder / "out"]
        self.assertIn("cifar-100", self.run_tool("--dataset", "cifar-1000", "--out", self.folder / "o", code=2).stderr)
        self.assertIn("dirichlet:ALPHA", self.run_tool(*options, "--partition", "dirichlet:-1", code=2).stderr)
        self.assertIn("ROLE=COLUMN", self.run_tool(*options, "--column", "picture", code=2).stderr)
        self.assertIn("12 clients", self.run_tool(*options, "--partition", "dirichlet:1", "--clients", "12", code=2).stderr)
        self.assertIn("nowhere", self.run_tool("--dataset", "cifar-100", "--root", self.folder / "nowhere", "--out",
                                               self.folder / "o", code=3).stderr)

    def test_the_examples_of_your_own_data_run_as_they_are_written(self):
        numbers = np.random.default_rng(1)

        def table(path, rows):
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "w", newline="") as file:
                csv.writer(file).writerows(rows)

        def picture(name):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            smooth(numbers, 50, 40).save(path)

        scans = [[f"{'ab'[i % 2]}/{i:04d}.png", ["normal", "pneumonia"][i % 3 == 0], ["north", "south"][i % 2],
                  "test" if i % 5 == 0 else "train"] for i in range(40)]
        table(self.folder / "scans/labels.csv", [["file", "finding", "ward", "part"], *scans])
        table(self.folder / "shop/products.csv",
              [["picture", "description"], *([f"img/{i}.jpg", f'Lamp "{i}",\nwarm white'] for i in range(40))])
        for name in [*(f"scans/{row[0]}" for row in scans), *(f"shop/img/{i}.jpg" for i in range(40))]:
            picture(name)
        articles = [{"body": f"Article {i}, \"quoted\"", "desk": ["local", "business"][i % 2],
                     "outlet": ["Post", "Star", "Herald"][i % 3]} for i in range(60)]
        (self.folder / "articles.jsonl").write_text("".join(json.dumps(article) + "\n" for article in articles))
        examples = re.findall(r"```sh\n(.*?)```", (shard_reader.SOURCE / "docs/own-data.md").read_text(), re.S)
        self.assertEqual(len(examples), 6)
        (self.folder / "classes.txt").write_text("normal\npneumonia\n")
        for example in examples:
            command = example.replace("build/release/bin/tributary", str(TOOL))
            done = subprocess.run(["bash", "-c", command], cwd=self.folder, capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 0, example + done.stderr)
            if "tributary prepare" in example:
                self.assertIn(" 0 skipped", done.stdout)

    def test_the_table_and_the_help_are_for_a_person(self):
        write_cifar(self.folder / "root", 300, 30)
        done = self.run_tool("--dataset", "cifar-100", "--root", self.folder / "root", "--partition", "dirichlet:0.5",
                             "--clients", 3, "--image-size", 32, "--out", self.folder / "out")
        self.assertIn("client-02", done.stdout)
        self.assertIn("Jensen-Shannon", done.stdout)
        self.assertIn("images/s", done.stderr)
        self.assertIn("cifar-100", self.run_tool("--help").stdout)


if __name__ == "__main__":
    unittest.main()
