"""`tributary bench wire`: what it prints, and what it says when a process of it is missing or fails.

Sizes are small: nothing here is about speed. Programs: $TRIBUTARY_BIN, else build/release/bin.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("TRIBUTARY_BIN", SOURCE / "build/release/bin"))
MODEL = 1_000_000  # bytes, of --mb 1
UNUSABLE = 3  # docs: data or state unusable
FAILED = 1


def bench(*flags, program=BIN / "tributary"):
    return subprocess.run([program, "bench", "wire", "--mb", "1", *map(str, flags)],
                          capture_output=True, text=True, timeout=240)


class BenchWireTest(unittest.TestCase):
    def rows(self, *flags):
        result = bench("--json", *flags)
        self.assertEqual(result.returncode, 0, result.stderr)
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual([row["kind"] for row in rows], ["round"] * (len(rows) - 1) + ["wire"])
        return rows[:-1], rows[-1]

    def test_processes_of_many_clients(self):
        rounds, summary = self.rows("--clients", 4, "--attending", 12, "--processes", 2, "--rounds", 3,
                                    "--no-raw")
        self.assertEqual(len(rounds), 3)
        for row in rounds:
            for way in ("bytes_up", "bytes_down"):
                self.assertAlmostEqual(row[way] / (4 * MODEL), 1, delta=0.02, msg=row)
        self.assertEqual((summary["clients"], summary["attending"]), (4, 12))
        self.assertEqual(summary["clients_lost"], 0)
        self.assertGreater(summary["server_peak_rss_bytes"], MODEL)
        self.assertNotIn("raw_stream_seconds", summary)

    def test_a_smaller_codec_beside_the_limits(self):
        _, summary = self.rows("--clients", 2, "--rounds", 2, "--codec", "int8-block")
        self.assertLess(summary["bytes_up"], 2 * MODEL / 3.5)
        self.assertGreater(summary["raw_stream_seconds"], 0)
        self.assertGreater(summary["memcpy_gbps"], 0)
        self.assertEqual(set(summary["stages"]), {"accumulate", "commit", "decode", "encode", "merge",
                                                  "receive", "send"})

    def test_says_which_program_is_missing(self):
        with tempfile.TemporaryDirectory() as folder:
            alone = shutil.copy(BIN / "tributary", folder)
            result = bench("--clients", 2, program=alone)
        self.assertEqual(result.returncode, UNUSABLE)
        self.assertIn(f"{folder}/tributary-bench-process", result.stderr)

    def test_keeps_the_log_of_a_process_that_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            program = shutil.copy(BIN / "tributary", folder)
            process = pathlib.Path(folder, "tributary-bench-process")
            process.write_text("#!/bin/sh\necho the reason >&2\nexit 5\n")
            process.chmod(0o755)
            result = bench("--clients", 2, "--no-raw", program=program)
        self.assertEqual(result.returncode, FAILED, result.stderr)
        self.assertIn("exit code 5", result.stderr)
        log = pathlib.Path(re.search(r"see (\S+)", result.stderr).group(1))
        self.assertIn("the reason", log.read_text())
        shutil.rmtree(log.parent)


if __name__ == "__main__":
    unittest.main()
