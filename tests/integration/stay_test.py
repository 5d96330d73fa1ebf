"""Clients that stay: two runs, a killed coordinator and one that is set up anew, without a hand on any client."""

import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

import tiny_federation as tiny

CLIENTS = {f"{dataset}-{i:02d}": dataset for dataset, (_, count) in tiny.DATASETS.items() for i in range(count)}


class Coordinator:
    """`tributary-server --json` with its events as they come."""

    def __init__(self, run_file, state, listen, *settings):
        self.state = state
        self.events = []
        self.changed = threading.Condition()
        flags = [word for text in settings for word in ("--set", text)]
        self.process = subprocess.Popen(
            [tiny.BIN / "tributary-server", "--json", "--run", run_file, "--state", state, "--listen", listen, *flags],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify_all()
        with self.changed:
            self.events.append({"kind": "end"})
            self.changed.notify_all()

    def of_kind(self, kind):
        with self.changed:
            return [event.get("data", {}) for event in self.events if event["kind"] == kind]

    def await_event(self, kind):
        with self.changed:
            self.changed.wait_for(lambda: self.of_kind(kind) or self.of_kind("end"), timeout=120)
            if not self.of_kind(kind):
                raise AssertionError(f"no event {kind}; the last were {self.events[-5:]}")
            return self.of_kind(kind)[0]

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def finish(self):
        self.await_event("run_finished")
        if (code := self.process.wait(timeout=60)) != 0:
            raise AssertionError(f"the coordinator ended with {code}")
        return json.loads((self.state / "result.json").read_text())


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
        for name, dataset in CLIENTS.items():
            with open(self.log(name), "w") as log:
                client = subprocess.Popen(
                    [tiny.BIN / "tributary-client", "--json", "--server", self.address, "--name", name, "--data",
                     self.folder / "data" / dataset / f"client-{name[-2:]}", "--state", self.folder / name,
                     "--device", "cpu", "--threads", "1", *flags], stderr=log)
            self.addCleanup(self.end, client)
            self.clients[name] = client

    @staticmethod
    def end(process):
        process.kill()
        process.wait()

    def log(self, name):
        return self.folder / f"{name}.log"

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
            self.assertIsNone(client.poll(), f"{name} has ended: {self.log(name).read_text()}")

        for name, client in self.clients.items():
            client.send_signal(signal.SIGTERM)
            self.assertEqual(client.wait(timeout=30), 0, self.log(name).read_text())
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
        for name, client in self.clients.items():
            self.assertEqual(client.wait(timeout=60), 3, self.log(name).read_text())
            self.assertIn("another --state folder", self.log(name).read_text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
