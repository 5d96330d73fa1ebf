"""A run keeps its best round's models, ends when it improves no more, and a kill changes neither."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

import tiny_federation as tiny

METRIC = "wordnet-glosses.loss"
ROUNDS = 30  # far more than it takes
# So large a rate that the loss goes up and down: it is no better for two rounds soon, but not at once.
SETTINGS = [f"evaluation.best={METRIC}", "evaluation.patience=2", "checkpoints.keep=3", "method=fedavg",
            "local.learning_rate=0.1"]


class BestTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="best_test."))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        tiny.write_source(cls.folder / "source")
        tiny.prepare(cls.folder / "source", cls.folder / "data")
        cls.run_file = tiny.write_run_file(cls.folder / "run.toml", cls.folder / "data", ROUNDS)
        cls.whole = cls.start("whole")
        code, cls.result = cls.whole.finish()
        assert code == 0, cls.whole.process.stderr.read()

    @classmethod
    def start(cls, name, *more):
        flags = [flag for setting in [*SETTINGS, *more] for flag in ("--set", setting)]
        return tiny.Run(cls.run_file, cls.folder / name, *flags)

    def state_of(self, name):
        """The coordinator's state folder of a run."""
        return next((self.folder / name).rglob("run.db")).parent

    def test_the_best_round_is_that_of_the_history(self):
        values = {r["round"]: r["tasks"]["wordnet-glosses"]["loss"] for r in self.result["history"]}
        best = min(values, key=values.get)
        self.assertEqual(self.result["best"]["round"], best)
        self.assertEqual(self.result["best"]["value"], values[best])
        self.assertEqual(self.result["best"]["metric"], METRIC)
        stored = json.loads((self.state_of("whole") / "best/best.json").read_text())
        self.assertEqual(stored, self.result["best"])

    def test_it_ends_early_and_says_why(self):
        self.assertLess(self.result["rounds"], ROUNDS)
        self.assertEqual(self.result["rounds"], self.result["best"]["round"] + 2)
        self.assertIn(METRIC, self.result["stopped_early"])
        kinds = [json.loads(line)["kind"] for line in (self.state_of("whole") / "events.jsonl").read_text().splitlines()]
        self.assertEqual(kinds.count("stopped_early"), 1)
        self.assertLess(kinds.index("stopped_early"), kinds.index("run_finished"))
        self.assertGreaterEqual(kinds.count("best_models"), 1)

    def test_the_best_models_are_whole_and_not_the_last(self):
        state = self.state_of("whole")
        self.assertEqual(sorted(path.name for path in (state / "best").iterdir()),
                         sorted(["best.json", *(f"{name}.safetensors" for name in tiny.DATASETS)]))
        for name in tiny.DATASETS:
            file = f"{name}.safetensors"
            self.assertNotEqual((state / "best" / file).read_bytes(), (state / "models" / file).read_bytes())
            self.assertEqual((state / "best" / file).stat().st_size, (state / "models" / file).stat().st_size)

    def test_as_many_checkpoints_are_kept_as_the_file_says(self):
        rounds = sorted(path.name for path in (self.state_of("whole") / "checkpoints").glob("round-*"))
        last = self.result["rounds"]
        self.assertEqual(rounds, [f"round-{r:06d}" for r in range(last - 2, last + 1)])

    def test_a_killed_coordinator_ends_with_the_same_best(self):
        run = self.start("killed")
        self.addCleanup(run.kill)
        # The kill comes before, while or after the models of this round become the best.
        run.await_event("round_committed", lambda data: data["round"] == self.result["best"]["round"])
        os.kill(run.server_pid(), signal.SIGKILL)
        code, result = run.finish()
        self.assertEqual(code, 0, run.process.stderr.read())
        self.assertEqual(result["best"], self.result["best"])
        self.assertEqual(result["model_hash"], self.result["model_hash"])
        for name in tiny.DATASETS:
            file = f"best/{name}.safetensors"
            self.assertEqual((self.state_of("killed") / file).read_bytes(), (self.state_of("whole") / file).read_bytes())

    def test_a_metric_that_the_dataset_does_not_have_is_refused_at_the_start(self):
        done = subprocess.run([tiny.BIN / "tributary", "run", self.run_file, "--out", self.folder / "refused",
                               "--set", "evaluation.best=icon-names.accuracy"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn("r1_sum, loss", done.stderr)


if __name__ == "__main__":
    unittest.main()
