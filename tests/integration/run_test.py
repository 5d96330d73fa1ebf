"""One command runs a whole federation, and nothing that happens to its processes changes the result."""

import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

import tiny_federation as tiny

ROUNDS = 3
PROCESSES = 1 + sum(count for _, count in tiny.DATASETS.values())


def read_header(path):
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8:8 + length]), len(content)


class RunTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="run_test."))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        tiny.write_source(cls.folder / "source")
        tiny.prepare(cls.folder / "source", cls.folder / "data")
        cls.run_file = tiny.write_run_file(cls.folder / "run.toml", cls.folder / "data", ROUNDS)
        code, cls.undisturbed = cls.start("undisturbed").finish()
        assert code == 0, code

    @classmethod
    def start(cls, name, *more):
        return tiny.Run(cls.run_file, cls.folder / name, *more)

    def run_to_end(self, run):
        self.addCleanup(run.kill)
        code, result = run.finish()
        self.assertEqual(code, 0, run.process.stderr.read())
        return result

    def test_the_result_has_what_the_contract_says(self):
        result = self.undisturbed
        self.assertEqual((result["method"], result["seed"], result["rounds"]), ("fedcola", 7, ROUNDS))
        self.assertGreater(result["bytes_up"], 0)
        self.assertGreater(result["bytes_down"], 0)
        self.assertEqual(len(result["model_hash"]), 64)
        names = result["tasks"]["icon-names"]
        self.assertEqual(names["kind"], "retrieval")
        self.assertAlmostEqual(names["r1_sum"], names["i2t"]["r1"] + names["t2i"]["r1"])
        self.assertGreater(names["gallery"]["images"], 0)
        self.assertEqual(result["tasks"]["icon-contexts"]["kind"], "classification")
        self.assertEqual([r["round"] for r in result["history"]], list(range(1, ROUNDS + 1)))
        self.assertEqual(set(result["history"][0]["updates"]),
                         {"icon-names-00", "icon-names-01", "icon-contexts-00", "wordnet-glosses-00"})

    def test_the_models_are_whole_safetensors_files(self):
        for dataset in tiny.DATASETS:
            header, size = read_header(self.folder / "undisturbed/models" / f"{dataset}.safetensors")
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
            self.assertIn("norm.weight", header)
            self.assertLess(max(ends), size)

    def test_the_event_log_tells_the_run_in_order(self):
        lines = (self.folder / "undisturbed/events.jsonl").read_text().splitlines()
        events = [json.loads(line) for line in lines]
        self.assertEqual([e["sequence"] for e in events], list(range(1, len(events) + 1)))
        kinds = [e["kind"] for e in events]
        self.assertEqual(kinds.count("round_committed"), ROUNDS)
        self.assertIn("run_finished", kinds)
        self.assertNotIn("progress", kinds)

    def test_each_client_is_a_process_with_its_own_shard_and_none_is_left(self):
        run = self.start("tree")
        self.addCleanup(run.kill)
        run.await_event("round_started")
        children = tiny.children_of(run.process.pid)
        self.assertEqual(len(children), PROCESSES, children)
        shards = [command[command.index("--data") + 1] for command in children.values() if "--data" in command]
        self.assertEqual(len(set(shards)), PROCESSES - 1)
        self.run_to_end(run)
        for pid in children:
            self.assertFalse(os.path.exists(f"/proc/{pid}"), f"process {pid} is left")

    def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(self):
        again = self.run_to_end(self.start("again"))
        other = self.run_to_end(self.start("other", "--set", "seed=8"))
        self.assertEqual(again["model_hash"], self.undisturbed["model_hash"])
        self.assertNotEqual(other["model_hash"], self.undisturbed["model_hash"])

    def test_a_killed_coordinator_comes_back_and_ends_in_the_same_bits(self):
        run = self.start("server_killed")
        run.await_event("round_started", lambda data: data["round"] == 2)
        os.kill(run.server_pid(), signal.SIGKILL)
        run.await_event("run_started", lambda data: data["resumed_round"] >= 1)
        self.assertEqual(self.run_to_end(run)["model_hash"], self.undisturbed["model_hash"])

    def test_a_killed_client_comes_back_and_ends_in_the_same_bits(self):
        run = self.start("client_killed")
        run.await_event("round_started", lambda data: data["round"] == 2)
        os.kill(run.client_pid("icon-names-01"), signal.SIGKILL)
        self.assertEqual(self.run_to_end(run)["model_hash"], self.undisturbed["model_hash"])

    def test_a_stopped_run_goes_on_where_it_was_and_ends_in_the_same_bits(self):
        run = self.start("stopped")
        run.await_event("round_committed")
        run.process.send_signal(signal.SIGTERM)
        code, result = run.finish()
        self.assertEqual((code, result), (0, None))
        self.assertEqual(tiny.children_of(run.process.pid), {})
        again = self.start("stopped")
        again.await_event("run_started", lambda data: data["resumed_round"] >= 1)
        self.assertEqual(self.run_to_end(again)["model_hash"], self.undisturbed["model_hash"])

    def test_creamfl_goes_on_from_its_stored_representations(self):
        creamfl = ("--set", "method=creamfl", "--set", "rounds=2", "--set", "creamfl.distill_weight=1")
        whole = self.run_to_end(self.start("creamfl", *creamfl))
        run = self.start("creamfl_killed", *creamfl)
        run.await_event("round_started", lambda data: data["round"] == 2)
        os.kill(run.server_pid(), signal.SIGKILL)
        run.await_event("run_started", lambda data: data["resumed_round"] == 1)
        self.assertEqual(self.run_to_end(run)["model_hash"], whole["model_hash"])

    def test_a_run_starts_from_an_exported_model_of_its_own_width_only(self):
        weights = self.folder / "vit.safetensors"
        subprocess.run([tiny.BIN / "tributary", "export", self.folder / "undisturbed", "--dataset", "icon-contexts",
                        "--names", "timm", "--out", weights], check=True, stdout=subprocess.DEVNULL)
        init = ("--set", "rounds=1", "--set", f"init.image={weights}")
        run = self.start("pretrained", *init)
        data = run.await_event("pretrained", lambda data: data["dataset"] == "icon-names")["data"]
        self.assertIn("blockses.0.0.attn.qkv.weight", data["taken"])
        self.assertIn("blockses.1.0.attn.qkv.weight", data["random"])
        self.assertEqual(data["skipped"], ["head.weight", "head.bias"])
        self.run_to_end(run)
        wide = self.start("pretrained_wide", *init, "--set", "model.dim=16")
        self.addCleanup(wide.kill)
        code, result = wide.finish()
        self.assertEqual((code, result), (3, None))
        self.assertRegex(wide.process.stderr.read(), "init.image: .*vit.safetensors: tensor .* has shape .*model.dim")

    def test_a_finished_run_that_is_started_again_tells_its_result(self):
        models = {path.name: path.read_bytes() for path in (self.folder / "undisturbed/models").iterdir()}
        run = self.start("undisturbed")
        finished = run.await_event("run_finished")
        code, result = run.finish()
        self.assertEqual((code, result), (0, self.undisturbed))
        self.assertEqual(finished["data"]["result"], self.undisturbed)
        self.assertEqual({path.name: path.read_bytes() for path in (self.folder / "undisturbed/models").iterdir()}, models)

    def test_a_finished_run_of_other_settings_is_refused(self):
        run = self.start("undisturbed", "--set", "seed=8")
        code, result = run.finish()
        self.assertEqual((code, result), (3, self.undisturbed))
        self.assertIn("seed was 7 and is 8", run.process.stderr.read())

    def test_ctrl_c_is_told_from_a_finished_run_by_the_exit_code(self):
        run = self.start("interrupted", "--set", "rounds=1000")
        self.addCleanup(run.kill)
        run.await_event("round_committed")
        run.process.send_signal(signal.SIGINT)
        self.assertEqual(run.finish(), (130, None))
        self.assertEqual(tiny.children_of(run.process.pid), {})

    def test_times_in_json_are_rfc_3339(self):
        for line in (self.folder / "undisturbed/events.jsonl").read_text().splitlines():
            self.assertRegex(json.loads(line)["time"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        log = (self.folder / "undisturbed/logs/icon-names-00.log").read_text().splitlines()[0]
        self.assertRegex(json.loads(log)["time"], r"^20\d\d-.*Z$")

    def test_every_method_and_codec_runs(self):
        for more in (["method=fedavg"], ["method=fedprox"], ["method=fediot"],
                     ["method=creamfl"], ["method=creamfl", "creamfl.pair_contrast=true", "aggregation.rule=release"],
                     ["aggregation.rule=release"], ["wire.upload=f32", "wire.download=f32"],
                     ["wire.upload=int8-block", "wire.download=bf16"]):
            with self.subTest(more):
                flags = [word for text in more for word in ("--set", text)]
                result = self.run_to_end(self.start("-".join(more).replace("=", "_"), "--set", "rounds=1", *flags))
                self.assertEqual(result["rounds"], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
