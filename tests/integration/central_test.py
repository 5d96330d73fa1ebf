"""`tributary central` trains each dataset on all its data, by the federation's own code."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

import tiny_federation as tiny

ROUNDS = 2
LONG = ("--set", "rounds=8")  # enough to be interrupted after the first
TOOL = tiny.BIN / "tributary"


def shape_of(value):
    """Keys all the way down, without those that are names of clients, and of what is the same for each of a list."""
    if isinstance(value, dict):
        return {key: shape_of(inner) for key, inner in value.items() if key != "updates"}
    if isinstance(value, list):
        return [shape_of(value[0])] if value else []
    return type(value).__name__


class CentralTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="central_test."))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        tiny.write_source(cls.folder / "source")
        tiny.prepare(cls.folder / "source", cls.folder / "data")
        cls.run_file = tiny.write_run_file(cls.folder / "run.toml", cls.folder / "data", ROUNDS)
        cls.events = cls.central("whole")
        cls.whole = cls.result("whole")

    @classmethod
    def command(cls, out, *flags):
        return [TOOL, "central", cls.run_file, "--out", cls.folder / out, *flags]

    @classmethod
    def central(cls, out, *flags):
        """The events of a run that must succeed."""
        done = subprocess.run(cls.command(out, "--json", *flags), capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    @classmethod
    def result(cls, out):
        return json.loads((cls.folder / out / "result.json").read_text())

    def federation(self, out, *flags):
        run = tiny.Run(self.run_file, self.folder / out, *flags)
        self.addCleanup(run.kill)
        code, result = run.finish()
        self.assertEqual(code, 0, run.process.stderr.read())
        return result

    def refused(self, code, *words, flags=(), run_file=None):
        done = subprocess.run([TOOL, "central", run_file or self.run_file, "--out", self.folder / "refused", *flags],
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        line = [line for line in done.stderr.splitlines() if line][-1]
        for word in words:
            self.assertIn(word, line)

    def test_the_result_has_the_shape_of_a_federations(self):
        federated = self.federation("federated", "--set", "rounds=1")
        central = self.whole
        self.assertEqual(shape_of(central), shape_of(federated))
        self.assertEqual((central["method"], central["seed"], central["rounds"]), ("central", 7, ROUNDS))
        self.assertEqual((central["bytes_up"], central["bytes_down"]), (0, 0))
        self.assertEqual(len(central["model_hash"]), 64)
        self.assertEqual([r["round"] for r in central["history"]], list(range(1, ROUNDS + 1)))

    def test_each_dataset_is_trained_on_the_data_of_all_its_clients(self):
        federated = self.federation("counted", "--set", "rounds=1")["history"][0]["updates"]
        updates = self.whole["history"][0]["updates"]
        self.assertEqual(set(updates), {f"{name}-all" for name in tiny.DATASETS})
        for name in tiny.DATASETS:
            samples = sum(u["samples"] for u in federated.values() if u["dataset"] == name)
            self.assertEqual(updates[f"{name}-all"]["samples"], samples)
            self.assertEqual(updates[f"{name}-all"]["steps"], -(-samples // 16))

    def test_events_are_one_json_object_a_line_and_end_with_the_result(self):
        kinds = [event["kind"] for event in self.events]
        self.assertEqual(kinds[0], "run_started")
        self.assertEqual(kinds.count("round_committed"), ROUNDS)
        self.assertEqual(kinds[-1], "run_finished")
        self.assertEqual(self.events[-1]["data"]["result"], self.whole)

    def test_a_person_gets_a_table(self):
        done = subprocess.run(self.command("table", "--set", "rounds=1"), capture_output=True, text=True, timeout=240)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("method central, 1 rounds, seed 7", done.stdout)
        self.assertIn("icon-contexts: accuracy", done.stdout)
        self.assertIn("R@1 sum", done.stdout)

    def test_its_models_are_exported_like_a_federations(self):
        weights = self.folder / "exported.safetensors"
        subprocess.run([TOOL, "export", self.folder / "whole", "--dataset", "icon-contexts", "--names", "timm", "--out",
                        weights], check=True, stdout=subprocess.DEVNULL)
        self.assertGreater(weights.stat().st_size, 1000)

    def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(self):
        self.central("again")
        self.central("other", "--set", "seed=8")
        self.assertEqual(self.result("again")["model_hash"], self.whole["model_hash"])
        self.assertNotEqual(self.result("other")["model_hash"], self.whole["model_hash"])

    def test_what_a_method_adds_is_left_out(self):
        for method in ("fedavg", "fedprox", "scaffold", "creamfl"):
            self.central(method, "--set", f"method={method}")
            self.assertEqual(self.result(method)["model_hash"], self.whole["model_hash"], method)

    def test_it_begins_with_the_federations_own_models(self):
        once = ("--set", "rounds=1", "--set", "method=fedavg")
        self.federation("federated_start", *once)
        self.central("central_start", *once)
        for dataset in tiny.DATASETS:
            begins = [(self.folder / out / f"checkpoints/round-000000/{dataset}.safetensors").read_bytes()
                      for out in ("federated_start", "central_start")]
            self.assertEqual(begins[0], begins[1], dataset)

    def test_one_client_alone_learns_as_in_the_federation(self):
        # In batches of all samples their order matters by rounding alone. Of two datasets the run has one client.
        alone = ("--set", "local.batch=100000", "--set", "model.drop_path=0", "--set", "method=fedavg",
                 "--set", "wire.upload=f32", "--set", "wire.download=f32", "--set", "wire.download_delta=none")
        federated = self.federation("federated_alone", *alone)
        self.central("central_alone", *alone)
        central = self.result("central_alone")
        for dataset in ("icon-contexts", "wordnet-glosses"):
            for theirs, ours in zip(federated["history"], central["history"]):
                loss = theirs["updates"][f"{dataset}-00"]["loss"]
                self.assertAlmostEqual(ours["updates"][f"{dataset}-all"]["loss"], loss, places=5)
            ours, theirs = (dict(result["tasks"][dataset]) for result in (central, federated))
            # What leaves a client is a difference, whose rounding shows in the loss alone.
            self.assertAlmostEqual(ours.pop("loss"), theirs.pop("loss"), places=5)
            self.assertEqual(ours, theirs)

    def test_pretrained_weights_are_taken(self):
        weights = self.folder / "vit.safetensors"
        subprocess.run([TOOL, "export", self.folder / "whole", "--dataset", "icon-contexts", "--names", "timm", "--out",
                        weights], check=True, stdout=subprocess.DEVNULL)
        events = self.central("pretrained", "--set", f"init.image={weights}")
        notes = {e["data"]["dataset"]: e["data"] for e in events if e["kind"] == "pretrained"}
        self.assertIn("blockses.0.0.attn.qkv.weight", notes["icon-names"]["taken"])
        self.assertNotEqual(self.result("pretrained")["model_hash"], self.whole["model_hash"])
        self.refused(3, "init.image", "vit.safetensors",
                     flags=("--set", f"init.image={weights}", "--set", "model.dim=16"))

    def test_a_stopped_run_goes_on_and_ends_in_the_same_bits(self):
        self.central("long", *LONG)
        process = subprocess.Popen(self.command("stopped", "--json", *LONG), stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for line in process.stdout:
            if json.loads(line)["kind"] == "round_committed":
                break
        process.send_signal(signal.SIGTERM)
        rest = [json.loads(line)["kind"] for line in process.stdout]
        process.stdout.close()
        self.assertEqual(process.wait(timeout=120), 0)
        self.assertEqual(rest[-1], "run_stopped")
        self.assertFalse((self.folder / "stopped/result.json").exists())
        events = self.central("stopped", *LONG)
        self.assertGreaterEqual(events[0]["data"]["resumed_round"], 1)
        self.assertEqual(self.result("stopped")["model_hash"], self.result("long")["model_hash"])

    def test_a_killed_run_goes_on_and_ends_in_the_same_bits(self):
        self.central("long_too", *LONG)
        process = subprocess.Popen(self.command("killed", "--json", *LONG), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for line in process.stdout:
            if json.loads(line)["kind"] == "round_committed":
                break
        trainer = next(pid for pid, command in tiny.children_of(process.pid).items()
                       if command[0].endswith("tributary-central"))
        os.kill(trainer, signal.SIGKILL)
        _, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 1, errors)
        self.central("killed", *LONG)
        self.assertEqual(self.result("killed")["model_hash"], self.result("long_too")["model_hash"])

    def test_a_federations_folder_is_not_gone_on_with(self):
        flags = ("--set", "method=fedavg", "--set", "rounds=1")
        self.federation("foreign", *flags)
        (self.folder / "foreign/result.json").unlink()
        done = subprocess.run(self.command("foreign", "--set", "method=fedavg", "--set", "rounds=2"),
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn("belongs to another run", done.stderr)

    def test_a_finished_run_is_not_overwritten_unless_asked(self):
        done = subprocess.run(self.command("whole"), capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--fresh", done.stderr)
        self.assertEqual(self.result("whole"), self.whole)

    def test_bad_input_is_refused(self):
        self.refused(2, "local.epoch", "did you mean `local.epochs`?", flags=("--set", "local.epoch=3"))
        self.refused(2, "none.toml", run_file=self.folder / "none.toml")
        nowhere = tiny.write_run_file(self.folder / "nowhere.toml", self.folder / "nowhere", 1)
        self.refused(3, "nowhere", "tributary prepare", run_file=nowhere)

    def test_data_that_do_not_fit_are_refused(self):
        damaged = self.folder / "damaged"
        shutil.copytree(self.folder / "data", damaged)
        shard = damaged / "icon-names/client-01/train.shard"
        content = bytearray(shard.read_bytes())
        content[len(content) // 2] ^= 0x10
        shard.write_bytes(content)
        run_file = tiny.write_run_file(self.folder / "damaged.toml", damaged, 1)
        self.refused(3, "icon-names", "client-01/train.shard", "checksum", run_file=run_file)
        shutil.copy(damaged / "icon-contexts/client-00/train.shard", shard)
        self.refused(3, "client-01/train.shard has dataset icon-contexts", run_file=run_file)


if __name__ == "__main__":
    unittest.main(verbosity=2)
