"""Our WordPiece gives the ids of HuggingFace's `tokenizers` on 100,000 texts made up to be difficult."""

import json
import os
import pathlib
import random
import subprocess
import unicodedata
import unittest

from tokenizers import BertWordPieceTokenizer

SOURCE = pathlib.Path(__file__).resolve().parents[2]
VOCABULARY = SOURCE / "deploy/assets/bert-base-uncased/vocab.txt"
TOOL = pathlib.Path(os.environ.get("TRIBUTARY_TEST_BIN", SOURCE / "build/release/tests")) / "wordpiece_lines"
TEXTS = 100_000
SPECIAL = ["[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]"]
# Where the rules differ from one character to the next.
RANGES = [(0x20, 0x7f), (0x00, 0x20), (0x80, 0x250), (0x300, 0x370), (0x370, 0x600), (0x900, 0xe00), (0x1e00, 0x2070),
          (0x2070, 0x2c00), (0x2e00, 0x3100), (0x3100, 0xd7a4), (0xe000, 0xf900), (0xf900, 0x10000),
          (0x10000, 0x10400), (0x1f300, 0x1faff), (0x20000, 0x2fa1f), (0xe0000, 0xe0200)]


def character(stream):
    while True:
        first, last = stream.choice(RANGES)
        code = stream.randrange(first, last)
        # Characters that one of the two sides may not know yet have no rules to compare.
        if not 0xd800 <= code < 0xe000 and unicodedata.category(chr(code)) != "Cn":
            return chr(code)


def text(stream, words):
    parts = []
    for _ in range(stream.randrange(0, 12)):
        kind = stream.random()
        if kind < .45:
            parts.append(stream.choice(words).removeprefix("##"))
        elif kind < .6:
            parts.append("".join(stream.choice(words).removeprefix("##") for _ in range(3)))
        elif kind < .65:
            parts.append(stream.choice(SPECIAL))
        elif kind < .67:
            parts.append("x" * stream.randrange(90, 110))
        else:
            parts.append("".join(character(stream) for _ in range(stream.randrange(1, 6))))
        if stream.random() < .2:
            parts[-1] = stream.choice([str.upper, str.title, lambda s: unicodedata.normalize("NFD", s)])(parts[-1])
    return "".join(part + stream.choice(["", " ", " ", " ", "\t", "\u00a0", "-"]) for part in parts)


class WordPiece(unittest.TestCase):
    def test_the_ids_are_those_of_the_original(self):
        original = BertWordPieceTokenizer(str(VOCABULARY), lowercase=True)
        stream = random.Random(20240711)
        words = VOCABULARY.read_text().splitlines()
        texts = [text(stream, words) for _ in range(TEXTS)]
        done = subprocess.run([TOOL, VOCABULARY], input="\n".join(map(json.dumps, texts)) + "\n", text=True,
                              stdout=subprocess.PIPE, check=True, timeout=200)
        ours = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(ours), TEXTS)
        different = [(t, e.ids, o) for t, e, o in zip(texts, original.encode_batch(texts), ours) if e.ids != o]
        self.assertEqual(len(different), 0, "\n".join(
            f"{t!r}\n  original {a}\n  ours     {b}" for t, a, b in sorted(different, key=lambda d: len(d[0]))[:5]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
