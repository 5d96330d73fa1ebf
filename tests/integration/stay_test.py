"""Clients that stay: two runs, a killed coordinator and one that is set up anew, without a hand on any client."""

import json
import pathlib
import shutil
import signal
import tempfile
import unittest

import tiny_federation as tiny
from processes import CLIENTS, Client, Coordinator


class StayTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stay_test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        tiny.write_source(self.folder / "source")
        tiny.prepare(self.folder / "source", self.folder / "data")
        self.run_file = tiny.write_run_file(self.folder / "run.toml", self.folder / "data", 3)
        self.address = "127.0.0.1:0"
        self.clients = {}

    def coordinator(self, state, *settings):
        coordinator = Coordinator(self.run_file, self.folder / state, self.address, *settings)
        self.addCleanup(coordinator.kill)
        self.address = coordinator.await_event("listening")["address"]
        return coordinator

    def start_clients(self, *flags):
        for name in CLIENTS:
            self.clients[name] = Client(name, self.address, self.folder, self.folder / "data", *flags)
            self.addCleanup(self.clients[name].kill)

    def runs_of(self, name):
        """The runs whose state a client keeps: (present, earlier)."""
        kept = json.loads((self.folder / name / "run.json").read_text())
        return kept["run_id"], kept.get("earlier", [])

    def test_runs_follow_one_another_without_a_hand_on_the_clients(self):
        first = self.coordinator("first")
        self.start_clients("--stay")
        first.await_event("round_committed")
        first.kill()
        first = self.coordinator("first")  # goes on after its last commit, with the same clients
        self.assertEqual(first.finish()["rounds"], 3)

        # Another model, another seed, another run.
        changed = ("model.dim=16", "seed=8", "rounds=2", "wire.upload=int4-block")
        second = self.coordinator("second", *changed).finish()
        self.assertEqual(set(second["history"][1]["updates"]), set(CLIENTS))

        # Killed for good in its second round, and set up anew: nothing of it enters the run after it.
        third = self.coordinator("third", *changed)
        third.await_event("round_committed")
        killed = third.await_event("run_started")["run_id"]
        third.kill()
        fourth = self.coordinator("fourth", *changed).finish()
        self.assertEqual(fourth["model_hash"], second["model_hash"])
        for name, client in self.clients.items():
            self.assertIsNone(client.process.poll(), f"{name} has ended: {client.log.read_text()}")

        for name, client in self.clients.items():
            client.process.send_signal(signal.SIGTERM)
            code, log = client.ends_with()
            self.assertEqual(code, 0, log)
            # The run that was never finished is the last that is kept; those that were are gone.
            present, earlier = self.runs_of(name)
            self.assertEqual(("" if present == fourth["run_id"] else present, earlier), ("", [killed]))
            kept = {path.name[:16] for path in (self.folder / name / "updates").iterdir()}
            self.assertEqual(len(kept), 1, kept)

    def test_without_the_flag_another_run_is_refused(self):
        first = self.coordinator("first")
        self.start_clients()
        first.await_event("round_committed")
        first.kill()
        self.coordinator("second")
        for client in self.clients.values():
            code, log = client.ends_with()
            self.assertEqual(code, 3, log)
            self.assertIn("another --state folder", log)


if __name__ == "__main__":
    unittest.main(verbosity=2)
