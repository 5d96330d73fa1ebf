"""A sweep runs every row with every seed, goes on where it was stopped, and does not end at a run that fails."""

import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

import tiny_federation as tiny

SWEEP = """
run = "{run_file}"
seeds = [1, 2]
set = ["rounds=1"]

[[rows]]
name = "FedAvg"
set = ["method=fedavg"]

[[rows]]
name = "too few"
set = ["method=creamfl", "creamfl.samples=5000"]
"""


class SweepTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sweep_test."))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        tiny.write_source(cls.folder / "source")
        tiny.prepare(cls.folder / "source", cls.folder / "data")
        cls.run_file = tiny.write_run_file(cls.folder / "run.toml", cls.folder / "data", 1)
        cls.sweep_file = cls.folder / "sweep.toml"
        cls.sweep_file.write_text(SWEEP.format(run_file=cls.run_file))

    def sweep(self, out, *more):
        done = subprocess.run([tiny.BIN / "tributary", "sweep", self.sweep_file, "--out", self.folder / out, *more],
                              capture_output=True, text=True, timeout=240)
        return done.returncode, done.stdout, done.stderr

    def test_rows_and_seeds_are_run_and_compared(self):
        code, output, errors = self.sweep("all", "--json", "--jobs", "4")
        self.assertEqual(code, 1, errors)
        events = [json.loads(line) for line in output.splitlines()]
        finished = [(e["row"], e["seed"]) for e in events if e["kind"] == "run_finished"]
        failed = [e for e in events if e["kind"] == "run_failed"]
        self.assertEqual(sorted(finished), [("FedAvg", 1), ("FedAvg", 2)])
        self.assertEqual(len(failed), 2)
        self.assertIn("creamfl.samples", failed[0]["reason"])
        rows = json.loads((self.folder / "all/summary.json").read_text())["rows"]
        self.assertEqual(rows[0]["figures"]["icon-contexts.accuracy"]["count"], 2)
        self.assertEqual(rows[1]["seeds"], [])

        before = (self.folder / "all/fedavg/seed-1/result.json").stat().st_mtime_ns
        code, output, _ = self.sweep("all")
        self.assertIn("4 runs, 2 of them done already", output)
        self.assertRegex(output, r"FedAvg +2 ")
        self.assertEqual((self.folder / "all/fedavg/seed-1/result.json").stat().st_mtime_ns, before)

        self.sweep_file.write_text(self.sweep_file.read_text().replace("method=fedavg", "method=fediot"))
        code, _, errors = self.sweep("all")
        self.assertEqual(code, 3)
        self.assertIn("holds a run of other settings", errors)
        self.sweep_file.write_text(SWEEP.format(run_file=self.run_file))

    def test_a_stopped_sweep_leaves_no_process_and_goes_on(self):
        sweep = subprocess.Popen([tiny.BIN / "tributary", "sweep", self.sweep_file, "--out", self.folder / "stopped",
                                  "--jobs", "1"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(sweep.kill)
        sweep.stdout.readline()
        sweep.send_signal(signal.SIGTERM)
        output, _ = sweep.communicate(timeout=120)
        self.assertEqual(sweep.returncode, 0, output)
        self.assertEqual(tiny.children_of(sweep.pid), {})
        self.assertIn("the same command goes on", output)


if __name__ == "__main__":
    unittest.main(verbosity=2)
