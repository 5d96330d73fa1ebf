"""Methods that keep something from round to round go on from it after a kill, and end in the same bits.

Each run is made twice: undisturbed, and with its coordinator killed in one round and a client in another. Uploads and
downloads are lossy, so that both sides' memory of what was lost must survive as well.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

import tiny_federation as tiny

ROUNDS = 3
LOSSY = ("wire.upload=int4-block", "wire.download_delta=int8-block")
LOSSLESS = ("wire.upload=f32", "wire.download=f32", "wire.download_delta=none")


class MethodsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="methods_test."))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        tiny.write_source(cls.folder / "source")
        tiny.prepare(cls.folder / "source", cls.folder / "data")
        cls.run_file = tiny.write_run_file(cls.folder / "run.toml", cls.folder / "data", ROUNDS)

    def start(self, name, settings):
        run = tiny.Run(self.run_file, self.folder / name, *[word for text in settings for word in ("--set", text)])
        self.addCleanup(run.kill)
        return run

    def history(self, run):
        code, result = run.finish()
        self.assertEqual(code, 0, run.process.stderr.read())
        return result["history"]

    def hashes(self, run):
        return [r["model_hash"] for r in self.history(run)]

    def check(self, name, *settings):
        whole = self.hashes(self.start(name, settings))
        run = self.start(f"{name}-killed", settings)
        run.await_event("round_started", lambda data: data["round"] == 2)
        os.kill(run.server_pid(), signal.SIGKILL)
        run.await_event("run_started", lambda data: data["resumed_round"] == 1)
        run.await_event("round_started", lambda data: data["round"] == 3)
        os.kill(run.client_pid("icon-names-01"), signal.SIGKILL)
        self.assertEqual(self.hashes(run), whole)
        return whole

    def checkpoint(self, name):
        return {path.name for path in (self.folder / name / f"checkpoints/round-{ROUNDS:06d}").iterdir()}

    def test_control_variates(self):
        hashes = self.check("scaffold", "method=scaffold", *LOSSY)
        self.assertIn("icon-names@auxiliary.safetensors", self.checkpoint("scaffold"))
        plain = self.hashes(self.start("fedavg", ("method=fedavg", *LOSSY)))
        self.assertEqual(hashes[0], plain[0], "before the first correction there is nothing to correct by")
        self.assertNotEqual(hashes[1], plain[1])

    def test_control_variates_with_a_server_optimizer_and_auxiliary_weights(self):
        self.check("scaffold-momentum", "method=scaffold", "server_optimizer=momentum", "local.complementary=all",
                   *LOSSLESS)

    def test_step_normalisation(self):
        hashes = self.check("fednova", "method=fednova", "local.epochs=2", *LOSSY)
        self.assertEqual(len(set(hashes)), ROUNDS)

    def test_the_plan_has_the_coefficients_of_the_method(self):
        settings = ("method=fednova", "local.epochs=2", "rounds=1")
        flags = [word for text in settings for word in ("--set", text)]
        printed = subprocess.run([tiny.BIN / "tributary", "plan", self.run_file, "--json", *flags],
                                 capture_output=True, text=True, check=True).stdout
        plan = json.loads(printed)["icon-names"]["norm.weight"]
        updates = self.history(self.start("fednova-plan", settings))[0]["updates"]
        clients = {client: update for client, update in updates.items() if update["dataset"] == "icon-names"}
        total = sum(update["samples"] for update in clients.values())
        effective = sum(update["samples"] / total * update["steps"] for update in clients.values())
        self.assertEqual(set(plan), set(clients))
        for client, update in clients.items():
            self.assertAlmostEqual(plan[client], effective * update["samples"] / total / update["steps"], places=12)

    def test_server_optimizers_compose_with_fedcola(self):
        seen = set()
        for optimizer in ("adam", "adagrad"):
            with self.subTest(optimizer):
                seen.add(self.check(optimizer, f"server_optimizer={optimizer}", *LOSSY)[-1])
                self.assertIn("server_optimizer+icon-names.safetensors", self.checkpoint(optimizer))
        self.assertEqual(len(seen), 2)

    def test_server_optimizers_compose_with_creamfl(self):
        self.check("creamfl-yogi", "method=creamfl", "creamfl.distill_weight=1", "server_optimizer=yogi", *LOSSY)


if __name__ == "__main__":
    unittest.main(verbosity=2)
