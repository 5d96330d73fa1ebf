"""Texts and pairs in their publishers' formats, written by Python, are read sample by sample as they were written."""

import csv
import random
import re
import unittest
import zipfile

import numpy

from official_texts import ReaderTest, texts

# torchtext.data.utils, _patterns and _replacements.
BASIC_ENGLISH = [(r"\'", " '  "), (r"\"", ""), (r"\.", " . "), (r"<br \/>", " "), (r",", " , "), (r"\(", " ( "),
                 (r"\)", " ) "), (r"\!", " ! "), (r"\?", " ? "), (r"\;", " "), (r"\:", " "), (r"\s+", " ")]


def basic_english(line):
    line = line.lower()
    for pattern, replacement in BASIC_ENGLISH:
        line = re.sub(pattern, replacement, line)
    return " ".join(line.split())


class AgNews(ReaderTest):
    CLASSES = ["World", "Sports", "Business", "Sci/Tech"]
    TRAIN = [["3", "Wall St. Bears (Reuters)", 'Reuters - Short-sellers\\, "ultra-cynics", are; back: <br />now!'],
             ["4", "Título", "It's \\$46 a share,\nisn't it?"], ["1", "a", "b"]]
    TEST = [["2", "Goal", "x  y"]]

    def write_files(self, folder):
        self.write_csv(f"{folder}train.csv", self.TRAIN, quoting=csv.QUOTE_ALL, lineterminator="\n")
        self.write_csv(f"{folder}test.csv", self.TEST, quoting=csv.QUOTE_ALL, lineterminator="\n")

    def check(self):
        header, train, test = self.read("ag-news")
        self.assertEqual((header["modality"], header["classes"], header["skipped"]), ("text", self.CLASSES, []))
        for samples, rows in ((train, self.TRAIN), (test, self.TEST)):
            self.assertEqual(texts(samples), [(self.CLASSES[int(label) - 1], basic_english(f"{title} {text}"))
                                              for label, title, text in rows])
        self.assertEqual([sample["line"] for sample in train], [1, 2, 4])
        return header

    def test_a_folder(self):
        self.write_files("")
        header = self.check()
        self.assertEqual([source["path"] for source in header["sources"]],
                         [str(self.root / "train.csv"), str(self.root / "test.csv")])

    def test_the_published_archive(self):
        for archive in ("ag_news_csv.tar.gz", "ag_news_csv.zip"):
            with self.subTest(archive):
                self.write_files("ag_news_csv/")
                self.write("ag_news_csv/classes.txt", "\n".join(self.CLASSES) + "\n")
                self.write("ag_news_csv/readme.txt", "AG's News Topic Classification Dataset")
                self.pack("ag_news_csv", archive)
                self.check()
                self.read("ag-news", root=self.root / archive)
                (self.root / archive).unlink()

    def test_as_published(self):
        self.write_files("")
        _, train, _ = self.read("ag-news", "--variant", "as-published")
        self.assertEqual([sample["text"] for sample in train], [f"{row[1]} {row[2]}" for row in self.TRAIN])

    def test_a_header_of_columns_is_no_sample(self):
        self.write_csv("train.csv", [["Class Index", "Title", "Description"], *self.TRAIN])
        self.write_csv("test.csv", [["Class Index", "Title", "Description"], *self.TEST])
        header, train, test = self.read("ag-news")
        self.assertEqual((len(train), len(test), header["skipped"]), (3, 1, []))

    def test_any_text_is_normalised_as_by_torchtext(self):
        stream = random.Random(4)
        pieces = ["'", '"', ".", "<br />", "<br/>", ",", "(", ")", "!", "?", ";", ":", " ", "\t", "\n", "\u00a0",
                  "\u2003", "\u0085", "\x1c", "Word", "ÉTÉ", "ΣΑΣ", "İ", "ß", "日本", "\U0001f600", "9", "&lt;", "\\"]
        rows = [["1", "t", "".join(stream.choices(pieces, k=stream.randrange(1, 12))) + "x"] for _ in range(3000)]
        self.write_csv("train.csv", rows, quoting=csv.QUOTE_ALL)
        self.write_csv("test.csv", rows[:1])
        _, train, _ = self.read("ag-news")
        self.assertEqual([sample["text"] for sample in train], [basic_english(f"t {row[2]}") for row in rows])

    def test_bad_rows_are_listed(self):
        self.write("train.csv", '"1","a","good"\n"5","a","b"\n"x","a","b"\n"1","a"\n"2","a","stray "quote" here"\n'
                                '"3","","\'"\n"4",";",":"\n'.encode() + b'"1","a","\xe9"\n"2","last","one"\n"0","a","b"\n')
        self.write_csv("test.csv", self.TEST)
        header, train, _ = self.read("ag-news")
        self.assertEqual(texts(train), [("World", "a good"), ("Business", "'"), ("Sports", "last one")])
        self.assert_skipped(header, ("train.csv", 2, 'class "5"; expected 1 to 4'), ("train.csv", 3, 'class "x"'),
                            ("train.csv", 4, "2 fields instead of 3"), ("train.csv", 5, "a quote"),
                            ("train.csv", 7, "empty text"), ("train.csv", 8, "broken UTF-8 at byte 10"),
                            ("train.csv", 10, 'class "0"; expected 1 to 4'))

    def test_a_missing_file_is_named(self):
        self.write_csv("train.csv", self.TRAIN)
        self.assertIn("test.csv", self.refusal("ag-news"))
        self.assertIn("nowhere", self.refusal("ag-news", root=self.root / "nowhere"))


class MedicalAbstracts(ReaderTest):
    HEADER = ["condition_label", "medical_abstract"]
    ROWS = [["5", 'Tissue changes around "loose" prostheses, a study. '], ["1", "Neoplasm; x"], ["2", "y"]]

    def test_names_of_classes(self):
        self.write_csv("medical_tc_train.csv", [self.HEADER, *self.ROWS])
        self.write_csv("medical_tc_test.csv", [self.HEADER, ["4", "heart"]])
        header, train, test = self.read("medical-abstracts")
        self.assertEqual(header["classes"], ["Neoplasms", "Digestive system diseases", "Nervous system diseases",
                                             "Cardiovascular diseases", "General pathological conditions"])
        self.assertEqual(texts(train), [(header["classes"][int(label) - 1], text.strip()) for label, text in self.ROWS])
        self.assertEqual((texts(test), header["skipped"]), ([("Cardiovascular diseases", "heart")], []))
        self.write_csv("medical_tc_labels.csv", [["condition_label", "condition_name"],
                                                 *([str(i), f"condition {i}"] for i in range(5, 0, -1))])
        self.pack_all("medical.zip")
        header, train, _ = self.read("medical-abstracts")
        self.assertEqual(header["classes"], [f"condition {i}" for i in range(1, 6)])
        self.assertEqual([sample["line"] for sample in train], [2, 3, 4])

    def pack_all(self, archive):
        (self.root / "inner").mkdir()
        for file in self.root.glob("*.csv"):
            file.rename(self.root / "inner" / file.name)
        self.pack("inner", archive)


class Flickr30k(ReaderTest):
    NAMES = [f"{1000 + 7 * i}.jpg" for i in range(6)]

    def captions(self, name):
        return [f'{name[:-4]} : a "dog" number {i} runs , on grass .' for i in range(5)]

    def all_pairs(self, names):
        return [(name, caption) for name in names for caption in self.captions(name)]

    def write_results(self, name="results.csv", extra=""):
        lines = ["image_name| comment_number| comment"]
        lines += [f"{name}| {i}| {caption}" for name in self.NAMES for i, caption in enumerate(self.captions(name))]
        self.write(name, "\n".join(lines) + "\n" + extra)

    def write_token(self):
        self.write("results_20130124.token", "".join(
            f"{name}#{i}\t{caption}\n" for name in self.NAMES for i, caption in enumerate(self.captions(name))))

    def write_karpathy(self):
        splits = ["train", "test", "val", "train", "restval", "test"]
        self.write_json("dataset_flickr30k.json", {"images": [
            {"sentids": list(range(5 * i, 5 * i + 5)), "imgid": i, "split": split, "filename": name,
             "sentences": [{"tokens": caption.split(), "raw": caption, "imgid": i, "sentid": 5 * i + j}
                           for j, caption in enumerate(self.captions(name))]}
            for i, (name, split) in enumerate(zip(self.NAMES, splits))], "dataset": "flickr30k"})

    def test_results_csv_drawn_by_image(self):
        self.write_results()
        for folder, archive in (("flickr30k_images/flickr30k_images", None), ("images", "images.tar.gz"), ("", None),
                                ("flickr30k-images", "flickr30k-images.zip")):
            with self.subTest(folder=folder, archive=archive):
                self.write_images(folder, self.NAMES)
                if archive:
                    self.pack(folder, archive)
                header, train, test = self.read("flickr30k", "--test-share", "0.4")
                self.assertEqual((header["modality"], header["images"], header["skipped"]), ("pair", 6, []))
                self.assertEqual(sorted(self.pairs(train) + self.pairs(test)), sorted(self.all_pairs(self.NAMES)))
                for samples in (train, test):
                    names = list(dict.fromkeys(name for name, _ in self.pairs(samples)))
                    self.assertTrue(names)
                    self.assertEqual(self.pairs(samples), self.all_pairs(names))
                again = self.read("flickr30k", "--test-share", "0.4")[2]
                self.assertEqual([s["text"] for s in again], [s["text"] for s in test])
                for path in list(self.root.iterdir()):
                    if path.name.startswith(("flickr30k", "images")) or path.suffix == ".jpg":
                        self.remove(path)

    def remove(self, path):
        if path.is_dir():
            for inner in path.iterdir():
                self.remove(inner)
            path.rmdir()
        else:
            path.unlink()

    def test_the_release(self):
        self.write_images("images", self.NAMES)
        self.write_token()
        header, train, test = self.read("flickr30k", "--variant", "release")
        self.assertEqual((self.pairs(train), test), (self.all_pairs(self.NAMES), []))
        self.assertEqual([sample["line"] for sample in train], list(range(1, 31)))
        numpy.save(self.root / "train.npy", numpy.array([1021, 1000, 4, 1007]))
        numpy.save(self.root / "test.npy", numpy.array([1035, 1028]))
        header, train, test = self.read("flickr30k", "--variant", "release", "--train-ids", self.root / "train.npy",
                                        "--test-ids", self.root / "test.npy")
        self.assertEqual(self.pairs(train), self.all_pairs(["1021.jpg", "1000.jpg", "1007.jpg"]))
        self.assertEqual(self.pairs(test), self.all_pairs(["1035.jpg", "1028.jpg"]))
        self.assert_skipped(header, ("train.npy", 0, "image 4 "))

    def test_the_release_without_ids_takes_the_first(self):
        with zipfile.ZipFile(self.root / "images.zip", "w") as packed:
            for i in range(15_010):
                packed.writestr(f"{i}.jpg", b"")
        self.write("results_20130124.token", "".join(f"{i}.jpg#0\tnumber {i}\n" for i in range(15_010)))
        _, train, test = self.read("flickr30k", "--variant", "release")
        self.assertEqual([s["text"] for s in train], [f"number {i}" for i in range(10_000)])
        self.assertEqual([s["text"] for s in test], [f"number {i}" for i in range(10_000, 15_000)])

    def test_karpathy(self):
        self.write_images("flickr30k-images", self.NAMES)
        self.write_karpathy()
        self.write_results()
        n = self.NAMES
        for variant in ([], ["--variant", "karpathy"]):
            header, train, test = self.read("flickr30k", *variant)
            self.assertEqual(self.pairs(train), self.all_pairs([n[0], n[3], n[4]]))
            self.assertEqual(self.pairs(test), self.all_pairs([n[1], n[5]]))
            self.assertEqual(header["skipped"], [])
        (self.root / "results.csv").unlink()
        _, train, test = self.read("flickr30k", "--variant", "split")
        self.assertEqual(len(train) + len(test), 30)

    def test_bad_lines_are_listed(self):
        # As published, without its second delimiter.
        self.write_results(extra="2199200615.jpg| 4   A dog runs across the grass .\n1000.jpg| 0| again\n"
                                 "1000.jpg| 5|  \n9.jpg| 0| gone\n9.jpg| 1| gone too\n")
        self.write_images("flickr30k_images", self.NAMES)
        header, train, test = self.read("flickr30k")
        self.assertEqual(len(train) + len(test), 30)
        self.assert_skipped(header, ("results.csv", 32, "2 fields instead of 3"),
                            ("results.csv", 33, "caption 0 of 1000.jpg for the second time"),
                            ("results.csv", 34, "empty caption of 1000.jpg"),
                            ("results.csv", 35, "image 9.jpg is not there"))

    def test_images_that_are_missing_altogether_are_told_at_once(self):
        self.write("results.csv", "".join(f"{i}.jpg| 0| text\n" for i in range(1000)))
        self.assertIn("none of the first 100 is there", self.refusal("flickr30k"))


class Coco(ReaderTest):
    def write_captions(self, part, year, ids, change=lambda annotations: None):
        """Annotations out of the order of images, as published. Returns {annotation id: (file name, caption)}."""
        name = "COCO_{}{}_{:012}.jpg" if year == 2014 else "{2:012}.jpg"
        images = [{"license": 1, "file_name": name.format(part, year, i), "height": 6, "width": 8, "id": i} for i in ids]
        annotations = [{"image_id": i, "id": 100 * i + j, "caption": f"Caption {j} of é {i}.{' ' * j}\n"}
                       for j in range(5) for i in reversed(ids)]
        change(annotations)
        self.write_json(f"annotations/captions_{part}{year}.json", {
            "info": {"year": year}, "images": images, "licenses": [{"id": 1}], "annotations": annotations})
        self.write_images(f"{part}{year}", [image["file_name"] for image in images])
        names = {image["id"]: image["file_name"] for image in images}
        return {image * 100 + j: (names[image], f"Caption {j} of é {image}.") for j in range(5) for image in reversed(ids)}

    def test_both_years_in_folders_and_zips(self):
        for year in (2017, 2014):
            train, val = self.write_captions("train", year, [9, 25, 30]), self.write_captions("val", year, [42, 73])
            for packed in (False, True):
                with self.subTest(year=year, packed=packed):
                    if packed:
                        self.pack(f"train{year}", f"train{year}.zip")
                        self.pack(f"val{year}", f"val{year}.zip")
                        self.pack("annotations", f"annotations_trainval{year}.zip")
                    for variant in (["--variant", str(year)], []):
                        header, ours, test = self.read("coco", *variant)
                        self.assertEqual((header["modality"], header["images"], header["skipped"]), ("pair", 5, []))
                        self.assertEqual(self.pairs(ours), list(train.values()))
                        self.assertEqual(self.pairs(test), list(val.values()))

    def test_ids_choose_and_order(self):
        train, val = self.write_captions("train", 2014, [9, 25, 30]), self.write_captions("val", 2014, [42, 73])
        chosen, tested = [2501, 903, 902, 77, 4200, 3000], [7301, 4204]
        numpy.save(self.root / "train.npy", numpy.array(chosen))
        numpy.save(self.root / "test.npy", numpy.array(tested, dtype=numpy.int32))
        header, ours, test = self.read("coco", "--train-ids", self.root / "train.npy",
                                       "--test-ids", self.root / "test.npy")
        both = {**train, **val}
        self.assertEqual(self.pairs(ours), [both[i] for i in chosen if i != 77])
        self.assertEqual(self.pairs(test), [val[i] for i in tested])
        self.assert_skipped(header, ("train.npy", 0, "annotation 77 is unknown"))
        # Ids may begin anew in the second file: training ids are those of the first, test ids of the second.
        train, val = self.write_captions("train", 2014, [9]), self.write_captions("val", 2014, [9])
        numpy.save(self.root / "both.npy", numpy.array([901]))
        _, ours, test = self.read("coco", "--train-ids", self.root / "both.npy", "--test-ids", self.root / "both.npy")
        self.assertEqual((self.pairs(ours), self.pairs(test)), ([train[901]], [val[901]]))
        numpy.save(self.root / "broken.npy", numpy.array([1.5]))
        self.assertIn("broken.npy", self.refusal("coco", "--train-ids", self.root / "broken.npy"))

    def test_karpathy(self):
        self.write_images("", ["train2014/a.jpg", "val2014/b.jpg", "val2014/c.jpg", "val2014/d.jpg"])
        places = [("train2014", "a.jpg", "train"), ("val2014", "b.jpg", "restval"), ("val2014", "c.jpg", "test"),
                  ("val2014", "d.jpg", "val")]
        self.write_json("dataset_coco.json", {"images": [
            {"filepath": folder, "filename": name, "split": split, "cocoid": i, "imgid": i,
             "sentences": [{"tokens": [], "raw": f"{name} {j}", "sentid": 5 * i + j} for j in range(5)]}
            for i, (folder, name, split) in enumerate(places)], "dataset": "coco"})
        header, train, test = self.read("coco", "--variant", "karpathy")
        self.assertEqual(self.pairs(train), [(n, f"{n} {j}") for n in ("a.jpg", "b.jpg") for j in range(5)])
        self.assertEqual(self.pairs(test), [("c.jpg", f"c.jpg {j}") for j in range(5)])
        self.assertEqual(header["skipped"], [])
        self.assertIn("ids", self.refusal("coco", "--variant", "karpathy", "--train-ids", "x.npy"))

    def test_bad_annotations_are_listed(self):
        def spoil(annotations):
            annotations[0]["id"] = annotations[1]["id"]
            annotations[2]["caption"] = " \n"
            annotations[3]["image_id"] = 5
            annotations[4].pop("id")
            annotations.append({"id": 1, "image_id": 9, "caption": ["no", "text"]})
            annotations.append("nothing")
        self.write_captions("val", 2014, [42])
        self.write_captions("train", 2014, [9, 25, 30], spoil)
        (self.root / "train2014/COCO_train2014_000000000030.jpg").unlink()
        header, train, _ = self.read("coco")
        gone = "image train2014/COCO_train2014_000000000030.jpg is not there"
        of = "empty caption of train2014/COCO_train2014_000000000009.jpg"
        self.assert_skipped(header, *(("captions_train2014.json", 0, reason) for reason in (
            "annotation 2500 for the second time", 'an annotation without "id" or "image_id"',
            'an annotation without "id" or "image_id"', f"annotation 2500: {gone}", f"annotation 900: {of}",
            'annotation 3001: image 5 is not among "images"', f"annotation 3002: {gone}", f"annotation 3003: {gone}",
            f"annotation 3004: {gone}", f"annotation 1: {of}")))
        self.assertEqual(len(train), 7)

    def test_broken_json_is_told_with_file_and_byte(self):
        self.write_captions("train", 2014, [9])
        self.write_captions("val", 2014, [42])
        path = self.root / "annotations/captions_train2014.json"
        whole = path.read_bytes()
        path.write_bytes(whole[:-100])
        message = self.refusal("coco")
        self.assertIn(f"captions_train2014.json: broken JSON at byte {len(whole) - 99}", message)
        self.assertIn("cut short", message)
        path.write_bytes(whole.replace(b'"annotations"', b'"notes"'))
        self.assertIn('no array "annotations"; its keys are info, images, licenses, notes', self.refusal("coco"))
        path.write_bytes(b"[" * 100_000)
        self.assertIn("levels", self.refusal("coco"))


class Variants(ReaderTest):
    def test_an_unknown_one_is_refused_with_those_there_are(self):
        self.write("captions_train2014.json", "{}")
        for dataset, known in (("ag-news", "basic-english, as-published"), ("coco", "2014, 2017, karpathy"),
                               ("flickr30k", "karpathy, release, split")):
            self.assertIn(known, self.refusal(dataset, "--variant", "2015"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
