"""Your own tables, .csv and .jsonl, are read row by row as Python's csv and json read them."""

import csv
import json
import random
import unittest

from official_texts import ReaderTest, texts

WHITE = " \t\n\v\f\r"  # what is taken off the ends of a field


class OwnCsv(ReaderTest):
    def test_pairs_of_a_file_with_images_beside_it(self):
        self.write_images("pictures", ["a.jpg", "b.png"])
        rows = [["image", "caption", "site", "split", "notes"], ["pictures/a.jpg", "One, two", "x", "train", "?"],
                ["./pictures/a.jpg", 'Say "three"', "y", "Train", ""], ["pictures/b.png", "été\nfour", "y", "test", ""],
                [str(self.root / "pictures/b.png"), "five", "x", "val", ""]]
        table = self.write_csv("mine.csv", rows)
        for root in (table, self.root):
            header, train, test = self.read("csv", root=root)
            self.assertEqual((header["modality"], header["classes"], header["images"]), ("pair", [], 2))
            self.assertEqual(self.pairs(train), [("a.jpg", "One, two"), ("a.jpg", 'Say "three"')])
            self.assertEqual([s["owner"] for s in train], ["x", "y"])
            self.assertEqual(train[0]["image"], train[1]["image"])
            self.assertEqual(self.pairs(test), [("b.png", "été\nfour")])
            self.assertEqual((test[0]["line"], test[0]["origin"]), (4, str(table)))

    def test_images_by_class_in_a_zip_beside_it(self):
        self.write_images("pictures", ["a.jpg", "b.png", "c.jpg"])
        self.pack("pictures", "pictures.zip")
        self.write_csv("train.csv", [["path", "label", "ward"], ["a.jpg", "10", "w"], ["b.png", "9", "v"]])
        self.write_csv("test.csv", [["path", "label", "ward"], ["c.jpg", "10", "w"]])
        header, train, test = self.read("csv", "--column", "owner=ward")
        self.assertEqual((header["modality"], header["classes"]), ("image", ["9", "10"]))
        self.assertEqual([(s["file"][-5:], s["class"], s["label"], s["owner"]) for s in train],
                         [("a.jpg", "10", 1, "w"), ("b.png", "9", 0, "v")])
        self.assertEqual([(s["file"][-5:], s["class"]) for s in test], [("c.jpg", "10")])

    def test_texts_in_any_delimiter(self):
        rows = [["text", "label", "split"], ["one; two, \t|three", "b", "train"], ["x", "a", "train"], ["y", "b", "val"]]
        for delimiter in ",;|\t":
            with self.subTest(delimiter=delimiter):
                self.write_csv("data.csv", rows, delimiter=delimiter, lineterminator="\n")
                bom = b"\xef\xbb\xbf" + (self.root / "data.csv").read_bytes()
                self.write("data.csv", bom)
                header, train, test = self.read("csv")
                self.assertEqual((header["modality"], header["classes"]), ("text", ["a", "b"]))
                self.assertEqual(texts(train), [("b", "one; two, \t|three"), ("a", "x")])
                # With no test rows, those of validation are.
                self.assertEqual(texts(test), [("b", "y")])

    def test_a_label_column_is_used_where_the_text_is_left_aside(self):
        self.write_images("", ["a.jpg", "b.png"])
        self.write_csv("t.csv", [["path", "text", "label"], ["a.jpg", "t", "k"], ["b.png", "u", "l"]])
        self.assertEqual(self.read("csv", "--test-share", "0")[0]["modality"], "pair")
        header, train, _ = self.read("csv", "--test-share", "0", "--column", "text=")
        self.assertEqual((header["modality"], header["classes"]), ("image", ["k", "l"]))
        self.assertEqual([s["text"] for s in train], ["", ""])

    def test_a_test_share_is_drawn_by_image(self):
        names = [f"{i}.png" for i in range(40)]
        self.write_images("", names)
        self.write_csv("t.csv", [["path", "text"], *([name, f"{name} {i}"] for i in range(3) for name in names)])
        _, train, test = self.read("csv", "--test-share", "0.5", "--seed", "7")
        self.assertEqual(len(train) + len(test), 120)
        held_out = {s["file"] for s in test}
        self.assertTrue(10 < len(held_out) < 30, len(held_out))
        self.assertFalse(held_out & {s["file"] for s in train})
        self.assertEqual(self.read("csv", "--test-share", "0.5", "--seed", "7")[2], test)
        self.assertNotEqual(self.read("csv", "--test-share", "0.5", "--seed", "8")[2], test)

    def test_any_table_is_read_as_python_reads_it(self):
        stream = random.Random(6)
        pieces = ["a", "b c", ",", '"', '""', "\n", "\r\n", "\r", " ", "é", "\U0001f600", "|", ";", "'", "\\", "\t"]
        # Before 3.13 Python's writer leaves line ends other than its own without quotes.
        for quoting, end in ((csv.QUOTE_MINIMAL, "\r\n"), (csv.QUOTE_ALL, "\n"), (csv.QUOTE_ALL, "\r")):
            with self.subTest(quoting=quoting, end=end):
                rows = [["text", "label", "n", "other"]]
                rows += [["".join(stream.choices(pieces, k=stream.randrange(8))) + "x", stream.choice("pq"), str(i),
                          "".join(stream.choices(pieces, k=stream.randrange(6)))] for i in range(1000)]
                table = self.write_csv("t.csv", rows, quoting=quoting, lineterminator=end)
                expected = []
                with open(table, newline="", encoding="utf-8") as file:
                    reader = csv.reader(file)
                    next(reader)
                    line = reader.line_num + 1
                    for row in reader:
                        expected.append((line, row[0].strip(WHITE), row[1]))
                        line = reader.line_num + 1
                header, train, _ = self.read("csv", "--test-share", "0", root=table)
                self.assertEqual(header["skipped"], [])
                self.assertEqual([(s["line"], s["text"], s["class"]) for s in train], expected)

    def test_bad_rows_are_listed_with_file_and_line(self):
        self.write_images("", ["a.jpg", "b.png"])
        # Of the same name, in another place: not what the row names.
        self.write_images("old/pictures", ["gone.jpg"])
        self.write("t.csv", b"path,text,split\na.jpg,good,train\nb.png,\"stray\" quote,train\nb.png,, train \n"
                            b"gone.jpg,x,train\n../up.jpg,x,train\na.jpg,caf\xe9,train\na.jpg\na.jpg,good,train\n"
                            b"a.jpg,\"unclosed,train\nb.png,after,test\n/etc/passwd,x,train\na.jpg,y,nowhere\n")
        header, train, test = self.read("csv", root=self.root / "t.csv")
        self.assertEqual((self.pairs(train), self.pairs(test)), ([("a.jpg", "good")], [("b.png", "after")]))
        self.assert_skipped(
            header, ("t.csv", 3, "a quote"), ("t.csv", 4, "empty caption"), ("t.csv", 5, "gone.jpg is not there"),
            ("t.csv", 6, "../up.jpg is not there"), ("t.csv", 7, "broken UTF-8 at byte 10"), ("t.csv", 8, "1 field "),
            ("t.csv", 9, "the same as line 2"), ("t.csv", 10, "a quote"), ("t.csv", 12, "is not there"),
            ("t.csv", 13, 'split "nowhere"; expected train, val or test'))

    def test_a_label_that_nothing_trains_on_is_listed(self):
        self.write_csv("train.csv", [["text", "label"], ["t", "1"], ["u", "2"], ["v", ""]])
        self.write_csv("test.csv", [["text", "label"], ["w", "2"], ["x", "3"]])
        header, train, test = self.read("csv")
        self.assertEqual((texts(train), texts(test)), ([("1", "t"), ("2", "u")], [("2", "w")]))
        self.assert_skipped(header, ("train.csv", 4, "empty label"),
                            ("test.csv", 3, 'no training sample has its label "3"'))

    def test_what_cannot_be_a_table_is_refused(self):
        table = self.write("t.csv", "")
        self.assertIn("t.csv: is empty", self.refusal("csv", root=table))
        self.write("t.csv", "words,kind\na,b\n")
        self.assertIn("its columns are words, kind", self.refusal("csv", root=table))
        self.assertIn('no column "txt"', self.refusal("csv", "--column", "text=txt", root=table))
        self.assertIn("expected one of path, text, label, owner, split",
                      self.refusal("csv", "--column", "colour=kind", root=table))
        self.write("t.csv", 'te"xt,label\na,b\n')
        self.assertIn("line 1", self.refusal("csv", root=table))
        self.write("u.csv", "text,label\n")
        self.assertIn("several tables (t.csv, u.csv)", self.refusal("csv"))
        self.assertIn("no *.jsonl", self.refusal("jsonl"))
        self.write_csv("train.csv", [["text", "label"], ["a", "b"]])
        self.write_csv("test.csv", [["path", "label"], ["a", "b"]])
        self.assertIn("test.csv: its columns make it image", self.refusal("csv"))
        self.write_csv("many.csv", [["text", "label"], *([f"t{i}", i] for i in range(100_001))])
        self.assertIn("label column", self.refusal("csv", root=self.root / "many.csv"))


class OwnJsonLines(ReaderTest):
    def write_lines(self, name, rows, **how):
        return self.write(name, "".join(json.dumps(row, **how) + "\n" for row in rows))

    def test_pairs_and_texts(self):
        self.write_images("images", ["a.jpg", "b.png"])
        self.write_lines("train.jsonl", [{"text": "été \U0001f600", "path": "images/a.jpg", "owner": 3},
                                         {"path": "images/b.png", "text": 'two\n"lines"', "more": [1, {"x": 2}]}])
        self.write_lines("test.jsonl", [{"path": "images/b.png", "text": "three"}], ensure_ascii=False)
        header, train, test = self.read("jsonl")
        self.assertEqual((header["modality"], header["images"]), ("pair", 2))
        self.assertEqual(self.pairs(train), [("a.jpg", "été \U0001f600"), ("b.png", 'two\n"lines"')])
        self.assertEqual([s["owner"] for s in train], ["3", ""])
        self.assertEqual(self.pairs(test), [("b.png", "three")])
        table = self.write_lines("texts.jsonl", [{"text": f"t{i}", "label": i % 11, "split": "test" if i > 10 else "train"}
                                                 for i in range(22)])
        header, train, test = self.read("jsonl", root=table)
        self.assertEqual((header["modality"], header["classes"]), ("text", [str(i) for i in range(11)]))
        self.assertEqual(texts(train), [(str(i), f"t{i}") for i in range(11)])
        self.assertEqual(texts(test), [(str(i % 11), f"t{i}") for i in range(11, 22)])

    def test_bad_lines_are_listed(self):
        table = self.write("t.jsonl", b'{"text": "a", "label": "x"}\n{"text": "b", "label":\n[1]\n{"text": "caf\xe9"}\n\n'
                                      b'{"text": ["c"], "label": "x"}\n{"label": "x"}\n{"label": "x", "text": "a"}\n'
                                      b'{"text": "d", "label": "x", "extra": 1}\n' + b"[" * 5000 + b"\n"
                                      b'{"text": "e", "label": null}')
        header, train, _ = self.read("jsonl", "--test-share", "0", root=table)
        self.assertEqual(texts(train), [("x", "a"), ("x", "d")])
        self.assert_skipped(
            header, ("t.jsonl", 2, "broken JSON at byte"), ("t.jsonl", 3, "no JSON object but array"),
            ("t.jsonl", 4, "broken UTF-8 at byte 14"), ("t.jsonl", 6, '"text" is an array'),
            ("t.jsonl", 7, "empty text"), ("t.jsonl", 8, "the same as line 1"), ("t.jsonl", 10, "levels"),
            ("t.jsonl", 11, "empty label"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
