"""What an operator does to a running coordinator: by commands, with effect, recorded, and over a restart."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import tiny_federation as tiny
from processes import CLIENTS, Client, Coordinator

VICTIM = "icon-names-01"
TOOL = tiny.BIN / "tributary"


class OperatorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="operator_test."))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        tiny.write_source(cls.folder / "source")
        tiny.prepare(cls.folder / "source", cls.folder / "data")
        cls.run_file = tiny.write_run_file(cls.folder / "run.toml", cls.folder / "data", 1000)

    def setUp(self):
        self.place = self.folder / self._testMethodName
        self.place.mkdir()
        self.address = "127.0.0.1:0"

    def coordinator(self, *settings):
        coordinator = Coordinator(self.run_file, self.place / "state", self.address, *settings)
        self.addCleanup(coordinator.kill)
        self.address = coordinator.await_event("listening")["address"]
        return coordinator

    def start_clients(self):
        self.clients = {name: Client(name, self.address, self.place, self.folder / "data", "--stay") for name in CLIENTS}
        for client in self.clients.values():
            self.addCleanup(client.kill)

    def tool(self, *words, code=0):
        done = subprocess.run([TOOL, *words, "--server", self.address], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def status(self):
        return json.loads(self.tool("status", "--json"))

    def actions(self, coordinator):
        return [(data["action"], data["by"]) for data in coordinator.of_kind("operator_action")]

    def test_a_pause_finishes_the_round_and_outlives_a_restart(self):
        coordinator = self.coordinator()
        self.start_clients()
        coordinator.await_event("round_committed")
        self.tool("pause", "--reason", "a new disk")
        self.assertIn("paused already", self.tool("pause", code=3))
        at_pause = coordinator.await_event("progress", lambda data: data["phase"] == "paused")
        self.assertIn("by local", self.tool("status"))
        self.assertIn("a new disk", self.tool("status"))
        self.assertEqual(len(coordinator.of_kind("round_started")), at_pause["round"] - 1)
        coordinator.kill()
        coordinator = self.coordinator()
        coordinator.await_event("progress", lambda data: data["phase"] == "paused")
        self.assertEqual(coordinator.of_kind("round_started"), [])
        self.tool("set", f"rounds={at_pause['round'] + 1}")
        self.tool("resume")
        self.assertEqual(coordinator.finish()["rounds"], at_pause["round"] + 1)
        self.assertEqual(self.actions(coordinator), [("set", "local"), ("resume", "local")])

    def test_an_evicted_client_is_out_until_it_is_forgiven_also_after_a_restart(self):
        coordinator = self.coordinator()
        self.start_clients()
        coordinator.await_event("update_accepted", lambda data: data["client"] == VICTIM)
        self.tool("evict", VICTIM, "--reason", "noise")
        coordinator.await_event("client_left", lambda data: data["client"] == VICTIM)
        self.assertEqual([mark["client"] for mark in self.status()["evicted"]], [VICTIM])
        coordinator.kill()
        coordinator = self.coordinator()
        # Started again, and without --stay: it asks at once, and ends with the refusal.
        self.clients[VICTIM].kill()
        self.clients[VICTIM] = Client(VICTIM, self.address, self.place, self.folder / "data")
        self.addCleanup(self.clients[VICTIM].kill)
        coordinator.await_event("client_refused", lambda data: data["client"] == VICTIM)
        code, log = self.clients[VICTIM].ends_with()
        self.assertEqual(code, 4, log)
        self.assertIn("tributary forgive", log)
        self.assertEqual(coordinator.await_event("round_committed")["clients"], len(CLIENTS) - 1)
        self.tool("forgive", VICTIM)
        self.assertIn("is not evicted", self.tool("forgive", VICTIM, code=3))
        client = Client(VICTIM, self.address, self.place, self.folder / "data")
        self.addCleanup(client.kill)
        coordinator.await_event("update_accepted", lambda data: data["client"] == VICTIM)

    def test_stop_ends_the_run_at_its_last_commit_and_the_run_goes_on(self):
        coordinator = self.coordinator()
        self.start_clients()
        coordinator.await_event("round_committed")
        self.tool("stop", "--reason", "night")
        self.assertEqual(coordinator.await_event("run_stopped")["reason"], "by operator local: night")
        self.assertEqual(coordinator.process.wait(timeout=60), 0)
        coordinator = self.coordinator()
        self.assertGreater(coordinator.await_event("run_started")["resumed_round"], 0)

    def test_the_number_of_rounds_may_not_go_below_those_done(self):
        coordinator = self.coordinator()
        self.start_clients()
        coordinator.await_event("round_committed", lambda data: data["round"] == 2)
        self.assertIn("expected a number from", self.tool("set", "rounds=1", code=2))
        self.assertIn("rounds=N", self.tool("set", "seed=3", code=2))
        self.tool("set", "rounds=500")
        self.assertEqual(self.status()["rounds"], 500)
        coordinator.kill()
        coordinator = self.coordinator()
        self.assertEqual(coordinator.await_event("run_started")["rounds"], 500)

    def test_another_number_of_expected_clients_is_the_same_run(self):
        coordinator = self.coordinator()
        self.start_clients()
        coordinator.await_event("round_committed")
        run = coordinator.await_event("run_started")["run_id"]
        coordinator.kill()
        text = self.run_file.read_text()
        self.assertIn("clients = 2", text)
        more = self.place / "more.toml"
        more.write_text(text.replace("clients = 2", "clients = 3"))
        again = Coordinator(more, self.place / "state", self.address, "round.join_timeout=2s")
        self.addCleanup(again.kill)
        self.assertEqual(again.await_event("run_started")["run_id"], run)
        again.await_event("round_committed")


if __name__ == "__main__":
    unittest.main(verbosity=2)
