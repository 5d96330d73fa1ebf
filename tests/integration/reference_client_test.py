"""deploy/examples/reference_client.py, which is the protocol in Python, in a federation with three clients of ours.

Also: what it decodes is what docs/wire.md says of each codec.
"""

import hashlib
import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import types
import unittest

import numpy as np

import tiny_federation as tiny
from cutting_proxy import CuttingProxy
from resume_test import Federation

PROGRAM = tiny.SOURCE / "deploy/examples/reference_client.py"
VOCABULARY = tiny.SOURCE / "deploy/assets/bert-base-uncased/vocab.txt"
NAME = "wordnet-glosses-00"
ROUNDS = 3
SETTINGS = ("model.dim=16", "wire.chunk_kib=16", "round.grace=60s")
FLAGS = {"name": NAME, "dataset": "wordnet-glosses", "modality": "text", "samples": 200, "classes": 26,
         "vocabulary": VOCABULARY}


class ReferenceClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="reference_client_test."))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        tiny.write_source(cls.folder / "source")
        tiny.prepare(cls.folder / "source", cls.folder / "data")
        cls.run_file = tiny.write_run_file(cls.folder / "run.toml", cls.folder / "data", ROUNDS)

    def start(self, name, *settings):
        """A federation whose clients are all there but the one that the reference client is."""
        federation = Federation(self.run_file, self.folder / "data", self.folder / name, (*SETTINGS, *settings),
                                lambda client, address: None if client == NAME else address)
        self.addCleanup(federation.kill)
        return federation, federation.await_event("listening")["address"]

    def take_part(self, address, **flags):
        """Runs the reference client to its end. Returns its exit code and what it says."""
        words = [f"--{flag.replace('_', '-')}={value}" for flag, value in {**FLAGS, "server": address, **flags}.items()]
        done = subprocess.run([sys.executable, PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=120)
        return done.returncode, done.stdout

    def assert_accepted_in_each_round(self, federation, rounds):
        result = federation.finish()
        self.assertEqual(len(result["history"]), rounds)
        for r in result["history"]:
            self.assertIn(NAME, r["updates"], r["round"])
            self.assertEqual(r["attempt"], 0)
        self.assertEqual(federation.of_kind("update_refused") + federation.of_kind("task_failed"), [])
        return result

    def test_its_updates_are_accepted_in_each_round_though_its_connections_break(self):
        federation, address = self.start("broken_connections")
        proxy = CuttingProxy(address, seed=2, cuts=4, most=300_000)
        self.addCleanup(proxy.close)
        code, said = self.take_part(proxy.address)
        self.assertEqual(code, 0, said)
        result = self.assert_accepted_in_each_round(federation, ROUNDS)
        self.assertEqual(proxy.cuts_left, 0)
        self.assertRegex(said, "pulling from chunk [1-9]")
        self.assertRegex(said, "pushing from chunk [1-9]")

        undisturbed, address = self.start("whole_connections")
        self.assertEqual(self.take_part(address)[0], 0)
        self.assertEqual(self.assert_accepted_in_each_round(undisturbed, ROUNDS)["model_hash"], result["model_hash"])

    def test_it_understands_the_codecs_of_the_run_file(self):
        for word in ("f32", "bf16"):
            with self.subTest(word):
                federation, address = self.start(word, f"wire.download={word}", f"wire.upload={word}", "rounds=1")
                code, said = self.take_part(address)
                self.assertEqual(code, 0, said)
                self.assert_accepted_in_each_round(federation, 1)

    def test_it_tells_why_it_cannot_take_part(self):
        federation, address = self.start("refused")
        code, said = self.take_part(address, classes=27)
        self.assertEqual((code, "27" in said), (3, True), said)
        self.assertEqual(self.take_part(address, modality="smell")[0], 2)
        self.assertEqual(self.take_part(address, tls_ca=VOCABULARY)[0], 2)


class WireFormatTest(unittest.TestCase):
    """The rows of the table of examples in docs/wire.md."""

    @classmethod
    def setUpClass(cls):
        spec = importlib.util.spec_from_file_location("reference_client", PROGRAM)
        cls.client = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(cls.client)
        cls.document = (tiny.SOURCE / "docs/wire.md").read_text()
        rows = re.findall(r"^\| (CODEC_\w+)( packed)? \| ([^|]+) \| `([0-9a-f ]*)` \| `([0-9a-f]{16})` \|$",
                          cls.document, re.M)
        proto = (tiny.SOURCE / "proto/tributary/v1/tensor.proto").read_text()
        cls.numbers = {word: int(number) for word, number in re.findall(r"^  (CODEC_\w+) = (\d+);", proto, re.M)}
        cls.rows = [(word, bool(packed), cls.values(text), bytes.fromhex(payload), int(checksum, 16))
                    for word, packed, text, payload, checksum in rows]

    @staticmethod
    def values(text):
        """Of "1 -0.5" or "64 times 1"."""
        if match := re.fullmatch(r"(\d+) times (\S+)", text):
            return [float(match[2])] * int(match[1])
        return [float(word) for word in text.split()]

    def piece(self, word, packed, count, payload, checksum):
        return types.SimpleNamespace(codec=self.numbers[word], compressed=packed, count=count, payload=payload, checksum=checksum)

    def test_examples(self):
        known = {"CODEC_F32", "CODEC_F16", "CODEC_BF16", "CODEC_INT8_BLOCK", "CODEC_INT4_BLOCK", "CODEC_TOPK"}
        self.assertLessEqual({self.numbers[word] for word in known}, set(self.client.WIDTH))
        self.assertEqual({row[0] for row in self.rows if not row[1]}, set(self.numbers) - {"CODEC_UNSPECIFIED"})
        self.assertTrue(any(row[1] for row in self.rows))
        for word, packed, values, payload, checksum in self.rows:
            with self.subTest(word, packed=packed):
                if self.numbers[word] not in self.client.WIDTH:  # it does not list the codec when it joins
                    with self.assertRaises(ValueError):
                        self.client.decode(self.piece(word, packed, len(values), payload, checksum))
                    continue
                decoded = self.client.decode(self.piece(word, packed, len(values), payload, checksum))
                np.testing.assert_array_equal(decoded, np.array(values, np.float32))

    def test_the_digest_of_a_manifest(self):
        lines, digest = re.search(r"Of the three lines (.*?)\(.*?```\n([0-9a-f]{64})\n```", self.document, re.S).groups()
        text = "".join(line + "\n" for line in re.findall(r"`([^`]*)`", lines))
        self.assertEqual(text.count("\n"), 3)
        self.assertEqual(hashlib.sha256(text.encode()).hexdigest(), digest)

    def test_damaged_examples_are_refused(self):
        for word, packed, values, payload, checksum in self.rows:
            with self.subTest(word, packed=packed):
                with self.assertRaises(ValueError):
                    self.client.decode(self.piece(word, packed, len(values), payload, checksum ^ 1))


if __name__ == "__main__":
    unittest.main(verbosity=2)
