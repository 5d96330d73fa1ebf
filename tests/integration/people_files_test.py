"""`tributary prepare` on tables and folders as people bring them: each test but the last few is a case that once went wrong."""

import csv
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
import unicodedata
import unittest

import numpy as np
import webdataset
from PIL import Image

import shard_reader

TOOL = pathlib.Path(os.environ["TRIBUTARY_BIN"]) / "tributary"


class PeopleFiles(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tributary-people-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.numbers = np.random.default_rng(1)
        self.outs = 0

    def run_tool(self, dataset, *options, code=0, root="in", **how):
        """A preparation of self.folder/in within a minute: none may hang. Returns the process."""
        self.outs += 1
        self.out = self.folder / f"out{self.outs}"
        command = [TOOL, "prepare", "--dataset", dataset, "--root", self.folder / root, "--out", self.out, "--threads", "2",
                   *options]
        if "--image-size" not in options:
            command += ["--image-size", "8"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, **how)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done

    def prepare(self, dataset, *options, **how):
        return json.loads(self.run_tool(dataset, "--json", *options, **how).stdout.splitlines()[-1])

    def skipped(self):
        return [json.loads(line) for line in (self.out / "skipped.jsonl").read_text().splitlines()]

    def rows(self, shard="client-00/train.shard"):
        return shard_reader.rows(self.out / shard)

    def write(self, name, content):
        path = self.folder / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def write_table(self, name, rows, encoding="utf-8"):
        (self.folder / "in").mkdir(exist_ok=True)
        with open(self.folder / "in" / name, "w", newline="", encoding=encoding) as file:
            csv.writer(file).writerows(rows)

    def write_lines(self, name, rows):
        self.write(name, "".join(json.dumps(row) + "\n" for row in rows))

    def picture(self, name, size=(8, 8)):
        path = self.folder / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(self.numbers.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)

    def pictures(self, *classes, count=10):
        for name in classes:
            for i in range(count):
                self.picture(f"{name}/{i:02d}.png")

    def notes(self, report, *words):
        (note,) = [note for note in report["notes"] if words[0] in note] or [""]
        for word in words:
            self.assertIn(word, note, report["notes"])

    # Dealing

    def test_dirichlet_empty_class_hangs(self):
        self.pictures("c0", "c1", "c2", "c3", "c4")
        for clients in (1, 2):
            report = self.prepare("image-folder", "--clients", clients, "--partition", "dirichlet:0.5", "--max-train", 20)
            self.assertEqual(report["samples"], 20)
        for alpha in ("inf", "nan", "1e-300", "1e300"):
            self.assertIn("from 0.0001 to 1e+06", self.run_tool(
                "image-folder", "--clients", 2, "--partition", f"dirichlet:{alpha}", code=2).stderr)

    def test_clients_without_samples_are_refused(self):
        self.pictures("a", "b", count=4)
        done = self.run_tool("image-folder", "--clients", 30, code=2)
        self.assertIn("would hold no training sample", done.stderr)
        self.assertFalse((self.out / "manifest.json").exists())

    def test_a_client_whose_images_are_all_broken_is_refused(self):
        rows = [["path", "label", "owner", "split"]]
        for i in range(20):
            owner = "north" if i % 2 else "south"
            name = f"{i}.png"
            self.picture(name)
            if owner == "north":
                self.write(name, "no image")
            rows.append([name, "ab"[i // 2 % 2], owner, "train"])
        self.picture("t.png")
        self.write_table("t.csv", [*rows, ["t.png", "a", "south", "test"]])
        self.assertIn("is left without a training sample",
                      self.run_tool("csv", "--clients", 2, "--partition", "natural", code=3).stderr)

    def test_classes_that_cannot_be_learned_or_tested_are_noted(self):
        self.write_table("t.csv", [["text", "label", "split"], *([f"t{i}", "a", "train"] for i in range(5)),
                                   *([f"u{i}", "b", "train"] for i in range(5)), ["v", "a", "test"]])
        report = self.prepare("csv", "--clients", 1)
        self.notes(report, "the test holds no sample of", "b")
        self.write_table("t.csv", [["text", "label"], *([f"t{i}", "a"] for i in range(50))])
        self.notes(self.prepare("csv", "--clients", 1, "--test-share", .5), "one class only")
        self.assertIn("  note: there is one class only", self.run_tool("csv", "--clients", 1, "--test-share", .5).stdout)

    # Tables

    def test_jsonl_first_record_decides_columns(self):
        rows = [{"text": f"text {i}", "label": "ab"[i % 2], "split": "test" if i % 5 == 1 else "train"} for i in range(60)]
        del rows[0]["split"]
        del rows[2]["label"]
        self.write_lines("data.jsonl", rows)
        report = self.prepare("jsonl", "--clients", 2)
        self.assertEqual((report["samples"], report["test_samples"]), (46, 12))
        tested = {text for _, _, text in self.rows("test/test.shard")}
        trained = {text for client in range(2) for _, _, text in self.rows(f"client-0{client}/train.shard")}
        self.assertEqual(tested, {row["text"] for row in rows if row.get("split") == "test"})
        self.assertFalse(tested & trained)
        self.assertEqual([(s["line"], s["reason"]) for s in self.skipped()],
                         [(1, 'split ""; expected train, val or test'), (3, "empty label")])

    def test_a_training_tables_own_test_rows_are_not_trained_on(self):
        self.write_table("train.csv", [["text", "label", "split"], ["a", "x", "train"], ["b", "x", "test"], ["c", "y", ""]])
        self.write_table("test.csv", [["text", "label", "split"], ["d", "x", "test"]])
        report = self.prepare("csv", "--clients", 1)
        self.assertEqual(report["samples"], 2)
        self.assertIn('split "test" in the table of training samples', self.skipped()[0]["reason"])

    def test_path_column_is_not_trimmed(self):
        text = "text, path\n"
        for i in range(40):
            name = f"img/{i}.png" if i else "img/ 0.png"
            self.picture(name)
            text += f"words number {i}, {name}\n"
        self.write("t.csv", text)
        self.assertEqual(self.prepare("csv", "--clients", 2)["skipped"], 0)

    def test_spaces_before_quotes_and_numbers_as_labels(self):
        for i in range(20):
            self.picture(f"{i}.png")
        self.write("t.csv", "path, label, note\n" + "".join(
            f'"{i}.png", {["1", "1.0", "2", "2.0"][i % 4]}, "one, ""two"""\n' for i in range(20)))
        report = self.prepare("csv", "--clients", 1, "--test-share", .4)
        self.assertEqual((report["class_names"], report["skipped"]), (["1", "2"], 0))

    def test_letters_composed_otherwise_than_in_the_file_system(self):
        rows = [["path", "label", "split"]]
        for i in range(12):
            there, written = ("NFC", "NFD") if i % 2 else ("NFD", "NFC")
            self.picture(unicodedata.normalize(there, f"größe {i}.png"))
            rows.append([unicodedata.normalize(written, f"größe {i}.png"), unicodedata.normalize(there, "süß"),
                         "test" if i < 3 else "train"])
        self.write_table("t.csv", rows)
        report = self.prepare("csv", "--clients", 1)
        self.assertEqual((report["class_names"], report["samples"], report["skipped"]), (["süß"], 9, 0))

    def test_umlauts_in_latin_1_never_vanish_in_silence(self):
        rows = [["text", "label", "split"]]
        rows += [[f"words {i}", ["Hund", "Bär"][i % 2], "test" if i < 8 else "train"] for i in range(40)]
        self.write_table("t.csv", rows, encoding="latin-1")
        done = self.run_tool("csv", "--clients", 1, code=3)
        for words in ("Bär (20)", "--encoding"):
            self.assertIn(words, done.stderr)
        for encoding in ("latin1", "windows-1252"):
            report = self.prepare("csv", "--clients", 1, "--encoding", encoding)
            self.assertEqual((report["class_names"], report["skipped"]), (["Bär", "Hund"], 0))
        rows[9][0] = "größer"  # of the training rows of Hund or Bär
        for row in rows[1:]:
            row[1] = row[1].replace("ä", "a")
        self.write_table("t.csv", rows, encoding="latin-1")
        self.notes(self.prepare("csv", "--clients", 1), "1 row is left out for not being UTF-8", "Hund (1)", "--encoding")
        self.assertIn("encoding \"utf-nine\" is unknown",
                      self.run_tool("csv", "--clients", 1, "--encoding", "utf-nine", code=2).stderr)
        self.write_table("t.csv", rows, encoding="utf-16")
        self.assertIn("--encoding UTF-16", self.run_tool("csv", "--clients", 1, code=2).stderr)
        self.assertEqual(self.prepare("csv", "--clients", 1, "--encoding", "UTF-16")["skipped"], 0)

    def test_lines_of_json_in_latin_1(self):
        rows = [{"text": f"words {i}", "label": ["Hund", "Bär"][i % 2]} for i in range(40)]
        self.write("t.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("latin-1"))
        self.assertIn("Bär (20)", self.run_tool("jsonl", "--clients", 1, code=3).stderr)
        self.assertEqual(self.prepare("jsonl", "--clients", 1, "--encoding", "latin1")["classes"], 2)

    # Folders

    def test_unreadable_folder_ends_everything(self):
        self.pictures("cat", "dog")
        lost = self.folder / "in/lost+found"
        lost.mkdir()
        lost.chmod(0)
        self.addCleanup(lost.chmod, 0o700)
        how = {}
        if os.geteuid() == 0:  # who may read everything
            program = self.folder / "tributary"
            shutil.copy(TOOL, program)
            for path in [self.folder, *self.folder.rglob("*")]:
                if path != lost:
                    path.chmod(0o755)
            self.folder.chmod(0o777)
            how = {"user": pwd.getpwnam("nobody").pw_uid, "executable": str(program)}
        report = self.prepare("image-folder", "--clients", 1, **how)
        self.assertEqual((report["samples"] + report["test_samples"], report["skipped"]), (20, 1))
        (skipped,) = self.skipped()
        self.assertIn("lost+found", skipped["file"])
        self.assertIn("Permission denied", skipped["reason"])
        self.assertIn("lost+found", self.run_tool("image-folder", "--clients", 1, "--strict", code=3, **how).stderr)

    def test_links_in_circles_give_each_image_once(self):
        self.pictures("cat", "dog")
        (self.folder / "in/cat/again").symlink_to(self.folder / "in")
        report = self.prepare("image-folder", "--clients", 1)
        self.assertEqual(report["samples"] + report["test_samples"], 20)
        self.assertIn("a link back", self.skipped()[0]["reason"])

    # Images

    def pixels(self, *options):
        """Pixels of the images by class: each class has one image for training and another for the test."""
        report = self.prepare("image-folder", "--clients", 1, "--keep-leaks", *options)
        return report, {report["class_names"][label]: image for image, label, _ in self.rows()}

    def save(self, name, image, **options):
        for part in ("train", "test"):
            path = self.folder / "in" / part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path, **options)

    def test_alpha_of_tiff_and_grey_png(self):
        rgba = Image.fromarray(self.numbers.integers(0, 256, (8, 8, 4), dtype=np.uint8), "RGBA")
        grey = self.numbers.integers(0, 8, (8, 8), dtype=np.uint8) * 30
        self.save("tiff/0.tif", rgba)
        self.save("png/0.png", rgba)
        self.save("grey/0.png", Image.fromarray(grey), transparency=90)
        _, pixels = self.pixels()
        white = Image.new("RGBA", (8, 8), "white")
        expected = np.asarray(Image.alpha_composite(white, rgba).convert("RGB")).astype(int)
        for name in ("png", "tiff"):
            self.assertLessEqual(np.abs(pixels[name].astype(int) - expected).max(), 1, name)
        np.testing.assert_array_equal(pixels["grey"][..., 0], np.where(grey == 90, 255, grey))

    def test_twelve_bits_in_sixteen(self):
        levels = self.numbers.integers(0, 4096, (8, 8)).astype(np.uint16)
        levels[0, :2] = 0, 4095
        self.save("ct/0.png", Image.fromarray(levels))
        report, pixels = self.pixels()
        self.assertLessEqual(pixels["ct"].max(), 16)
        self.notes(report, "levels 0 to 4095", "--window 0:4095")
        for window in ("0:4095", "auto"):
            report, pixels = self.pixels("--window", window)
            np.testing.assert_allclose(pixels["ct"][..., 0], levels / 4095 * 255, atol=.51)
            self.assertEqual(report["images"]["deep"], 2)
            self.assertFalse([note for note in report["notes"] if "--window" in note])
        for window in ("5", "9:3", "a:b", "0:inf"):
            self.assertIn("--window", self.run_tool("image-folder", "--window", window, code=2).stderr)

    def test_orientation(self):
        image = Image.fromarray(np.kron(self.numbers.integers(0, 256, (2, 2, 3)), np.ones((4, 4, 1))).astype(np.uint8))
        suffixes = {"jpg": {"quality": 98, "subsampling": 0}, "png": {}, "tif": {}, "webp": {"lossless": True}}
        turns = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
                 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
                 8: Image.Transpose.ROTATE_90}
        for suffix, how in suffixes.items():
            for turn in range(1, 9):
                exif = Image.Exif()
                exif[0x0112] = turn
                self.save(f"{suffix}-{turn}/0.{suffix}", image, exif=exif, **how)
        for option in ("keep", "apply"):
            report, pixels = self.pixels("--orientation", option)
            self.assertEqual(report["images"]["oriented"], 2 * 7 * len(suffixes))
            self.notes(report, "carry an orientation", "turned upright" if option == "apply" else "--orientation apply")
            for name, got in pixels.items():
                turn = int(name[-1])
                expected = image.transpose(turns[turn]) if option == "apply" and turn > 1 else image
                difference = np.abs(got.astype(int) - np.asarray(expected))
                self.assertLessEqual(difference.max(), 6 if name.startswith("jpg") else 0, f"{option} {name}")
        self.assertIn("expected keep", self.run_tool("image-folder", "--orientation", "up", code=2).stderr)

    def test_the_first_picture_of_gif_webp_and_tiff(self):
        frames = [Image.fromarray(self.numbers.integers(0, 256, (8, 8, 3), dtype=np.uint8)) for _ in range(3)]
        first = frames[0].quantize(16)
        self.save("gif/0.gif", first, save_all=True, append_images=[f.quantize(16) for f in frames[1:]])
        self.save("still/0.gif", first)
        self.save("webp/0.webp", frames[0], save_all=True, append_images=frames[1:], lossless=True)
        self.save("tiff/0.tif", frames[0], save_all=True, append_images=frames[1:])
        report, pixels = self.pixels()
        for name in ("gif", "still"):
            np.testing.assert_array_equal(pixels[name], np.asarray(first.convert("RGB")), name)
        for name in ("webp", "tiff"):
            np.testing.assert_array_equal(pixels[name], np.asarray(frames[0]), name)
        self.assertEqual(report["images"]["more_frames"], 6)
        self.notes(report, "hold several pictures")

    def test_transparent_and_interlaced_gif(self):
        index = self.numbers.integers(0, 4, (8, 8), dtype=np.uint8)
        image = Image.fromarray(index, "P")
        image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120])
        self.save("gif/0.gif", image, transparency=2, interlace=1)
        _, pixels = self.pixels()
        expected = np.array([[10, 20, 30], [40, 50, 60], [255, 255, 255], [100, 110, 120]])[index]
        np.testing.assert_array_equal(pixels["gif"], expected)

    def test_jpeg_2000(self):
        image = Image.fromarray(self.numbers.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        self.save("jp2/0.jp2", image)
        _, pixels = self.pixels()
        np.testing.assert_array_equal(pixels["jp2"], np.asarray(image))

    def test_dicom(self):
        from pydicom.data import get_testdata_file
        from pydicom import dcmread
        for name, file in (("ct", "CT_small.dcm"), ("rle", "MR_small_RLE.dcm"), ("rgb", "SC_rgb_small_odd.dcm"),
                           ("jpeg", "SC_rgb_jpeg_dcmtk.dcm"), ("frames", "SC_rgb_rle_2frame.dcm"),
                           ("packed", "JPEG2000.dcm"), ("nothing", "rtplan.dcm")):
            for part in ("train", "test"):
                self.write(f"{part}/{name}/0.dcm", pathlib.Path(get_testdata_file(file)).read_bytes())
        inverted = dcmread(get_testdata_file("CT_small.dcm"))
        inverted.PhotometricInterpretation = "MONOCHROME1"
        for part in ("train", "test"):
            (self.folder / f"in/{part}/inverted").mkdir(parents=True)
            inverted.save_as(self.folder / f"in/{part}/inverted/0.dcm")
        _, pixels = self.pixels("--image-size", "128", "--window", "-100:300")
        ct = dcmread(get_testdata_file("CT_small.dcm"))
        units = ct.pixel_array * float(ct.RescaleSlope) + float(ct.RescaleIntercept)
        expected = (np.clip(units, -100, 300) + 100) / 400 * 255
        np.testing.assert_allclose(pixels["ct"][..., 0], expected, atol=1.1)
        np.testing.assert_allclose(pixels["inverted"][..., 0], 255 - expected, atol=1.1)
        self.assertEqual(set(pixels), {"ct", "inverted", "rle", "rgb", "jpeg"})
        reasons = {pathlib.Path(s["file"]).parent.name: s["reason"] for s in self.skipped()}
        self.assertIn("2 frames", reasons["frames"])
        self.assertIn("JPEG 2000", reasons["packed"])
        self.assertIn("no picture", reasons["nothing"])

    # Layouts of others

    def test_hugging_face_folders(self):
        for part, count in (("train", 8), ("test", 4)):
            for i in range(count):
                self.picture(f"{part}/{i:04d}.png")
            self.write_lines(f"{part}/metadata.jsonl", [
                {"file_name": f"{i:04d}.png", "text": f"{part} {i}" if i else [f"{part} 0", f"{part} zero"]}
                for i in range(count)])
        report = self.prepare("jsonl", "--clients", 1)
        self.assertEqual((report["modality"], report["samples"], report["test_samples"]), ("pair", 9, 5))
        for part, shard in (("train", "client-00/train.shard"), ("test", "test/test.shard")):
            for image, _, text in self.rows(shard):
                number = 0 if text.endswith("zero") else int(text.split()[1])
                with Image.open(self.folder / f"in/{part}/{number:04d}.png") as there:
                    np.testing.assert_array_equal(image, np.asarray(there))

    def test_webdataset(self):
        images = {}
        for shard, count in (("train-0000", 8), ("train-0001", 8), ("test-0000", 4)):
            (self.folder / "in").mkdir(exist_ok=True)
            with webdataset.TarWriter(str(self.folder / f"in/{shard}.tar")) as sink:
                for i in range(count):
                    key = f"{shard}-{i}"
                    images[key] = self.numbers.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                    sample = {"__key__": key, "png": images[key]}
                    sample.update({"txt": key} if i % 2 else {"json": {"caption": [key, f"{key} too"]}})
                    sink.write(sample)
        report = self.prepare("webdataset", "--clients", 2)
        self.assertEqual((report["modality"], report["samples"], report["test_samples"]), ("pair", 24, 6))
        for client in ("client-00/train", "client-01/train", "test/test"):
            for image, _, text in self.rows(f"{client}.shard"):
                np.testing.assert_array_equal(image, images[text.split()[0]])

    def test_webdataset_of_classes(self):
        (self.folder / "in").mkdir()
        with webdataset.TarWriter(str(self.folder / "in/all.tar")) as sink:
            for i in range(40):
                sink.write({"__key__": f"{i:03d}", "png": self.numbers.integers(0, 256, (8, 8, 3), dtype=np.uint8),
                            **({"cls": i % 10} if i else {})})
        report = self.prepare("webdataset", "--clients", 1, root="in/all.tar")
        self.assertEqual((report["modality"], report["class_names"]), ("image", [str(i) for i in range(10)]))
        self.assertIn("sample 000: no class", self.skipped()[0]["reason"])

    def test_parquet_is_refused_by_name(self):
        self.write("x.parquet", "PAR1")
        for root in ("in", "in/x.parquet"):
            error = self.run_tool("csv", root=root, code=2).stderr
            for words in ("x.parquet", "Parquet is not read", "read_parquet"):
                self.assertIn(words, error)

    # The command line

    def test_mistakes_on_the_command_line_are_told(self):
        def error(*words):
            done = subprocess.run([TOOL, *words], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
            return done.stderr
        self.assertIn('no command "runn"; did you mean run?', error("runn"))
        self.assertIn("there are prepare", error("xyzzyxyzzy"))
        self.assertIn("--clients needs a value", error("prepare", "--clients"))
        self.assertIn("did you mean --clients 4?", error("prepare", "clients=4"))
        self.assertIn("did you mean --clients 4?", error("prepare", "--client=4"))
        self.assertIn("did you mean --partition?", error("prepare", "--partitions", "iid"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
