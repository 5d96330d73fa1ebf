"""Connections that break at any byte, in either direction, change nothing in the result.

Coordinator and clients are processes; each client dials through a proxy of its own that cuts its connections.
"""

import json
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

import tiny_federation as tiny
from cutting_proxy import CuttingProxy

ROUNDS = 3
CUTS = 5  # of each client's connections; the pauses before it dials again grow up to 4 s
CHUNK = 16 << 10
VICTIM = "icon-names-01"
CLIENTS = {f"{dataset}-{i:02d}": dataset for dataset, (_, count) in tiny.DATASETS.items() for i in range(count)}

# Updates of a megabyte in some sixty chunks: weight decay moves every weight. Only the image client's is small.
# No round begins without a client that was cut off.
SETTINGS = ("model.dim=16", "local.weight_decay=0.1", f"wire.chunk_kib={CHUNK >> 10}", "round.grace=60s",
            "wire.upload=f16", "wire.download_delta=none")
# Differences down, and updates that lose much and remember it: the state of both sides must survive the cuts.
LOSSY = (*SETTINGS, "wire.upload=int4-block", "wire.download_delta=int8-block")


class Federation:
    """A coordinator and its clients, as processes.

    `route(name, address)`: what a client dials; None: it is not started.
    """

    def __init__(self, run_file, data, folder, settings=(), route=lambda name, address: address):
        self.folder = folder
        self.events = []
        self.changed = threading.Condition()
        folder.mkdir()
        flags = [word for text in settings for word in ("--set", text)]
        self.server = self._launch("coordinator", "tributary-server", "--run", run_file, "--state", folder / "state",
                                   "--listen", "127.0.0.1:0", *flags, stdout=subprocess.PIPE, text=True)
        self.clients = {}
        threading.Thread(target=self._read, daemon=True).start()
        try:
            address = self.await_event("listening")["address"]
            for name, dataset in CLIENTS.items():
                if (dialled := route(name, address)) is None:
                    continue
                self.clients[name] = self._launch(
                    name, "tributary-client", "--server", dialled, "--data", data / dataset / f"client-{name[-2:]}",
                    "--state", folder / name, "--name", name, "--device", "cpu", "--threads", "1")
        except BaseException:
            self.kill()
            raise

    def _launch(self, name, program, *flags, **streams):
        with open(self.log(name), "w") as log:
            return subprocess.Popen([tiny.BIN / program, "--json", *flags], stderr=log, **streams)

    def _read(self):
        for line in self.server.stdout:
            with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify_all()
        with self.changed:
            self.events.append({"kind": "end"})
            self.changed.notify_all()

    def log(self, name):
        return self.folder / f"{name}.log"

    def of_kind(self, kind):
        with self.changed:
            return [event.get("data", {}) for event in self.events if event["kind"] == kind]

    def await_event(self, kind, matches=lambda data: True):
        def found():
            return [data for data in self.of_kind(kind) if matches(data)]
        with self.changed:
            self.changed.wait_for(lambda: found() or self.of_kind("end"), timeout=120)
            if not found():
                raise AssertionError(f"no event {kind}; the last were {self.events[-5:]}; "
                                     + self.log("coordinator").read_text())
            return found()[0]

    def finish(self):
        """Waits for the run's end; returns result.json."""
        self.await_event("run_finished")
        code = self.server.wait(timeout=60)
        if code != 0:
            raise AssertionError(f"the coordinator ended with {code}")
        for client in self.clients.values():
            client.send_signal(signal.SIGTERM)  # the word that the run is finished may have been cut off
        return json.loads((self.folder / "state/result.json").read_text())

    def kill(self):
        for process in [*self.clients.values(), self.server]:
            process.kill()
            process.wait()
        self.server.stdout.close()


class ResumeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="resume_test."))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.data = cls.folder / "data"
        tiny.write_source(cls.folder / "source")
        tiny.prepare(cls.folder / "source", cls.data)
        cls.run_file = tiny.write_run_file(cls.folder / "run.toml", cls.data, ROUNDS)
        federation = Federation(cls.run_file, cls.data, cls.folder / "undisturbed", SETTINGS)
        cls.addClassCleanup(federation.kill)
        cls.undisturbed = federation.finish()
        federation = Federation(cls.run_file, cls.data, cls.folder / "undisturbed-lossy", LOSSY)
        cls.addClassCleanup(federation.kill)
        cls.undisturbed_lossy = federation.finish()

    def start(self, name, make_proxy, settings=SETTINGS):
        """A federation whose clients dial the proxies that make_proxy(client, address) gives; None: no proxy."""
        proxies = {}

        def route(client, address):
            proxy = make_proxy(client, address)
            if proxy is None:
                return address
            self.addCleanup(proxy.close)
            proxies[client] = proxy
            return proxy.address
        federation = Federation(self.run_file, self.data, self.folder / name, settings, route)
        self.addCleanup(federation.kill)
        return federation, proxies

    def run_with_cuts(self, name, *counted):
        updates = self.undisturbed["history"][0]["updates"]

        def make_proxy(client, address):
            # Even the largest draws together are fewer bytes than the run moves: all cuts happen.
            most = ROUNDS * updates[client]["bytes"] // -(-CUTS // len(counted))
            return CuttingProxy(address, seed=f"{name} {client}", cuts=CUTS, counted=counted, most=most)
        federation, proxies = self.start(name, make_proxy)
        result = federation.finish()
        self.assertEqual({client: proxy.cuts_left for client, proxy in proxies.items()}, dict.fromkeys(CLIENTS, 0))
        self.assertEqual(result["model_hash"], self.undisturbed["model_hash"])
        self.assertEqual([r["attempt"] for r in result["history"]], [0] * ROUNDS)
        # A cut costs the coordinator the chunk it was in, no more: uploads go on where they broke off.
        again = result["bytes_up"] - self.undisturbed["bytes_up"]
        self.assertLess(again, CUTS * len(CLIENTS) * 2 * CHUNK)
        return {client: federation.log(client).read_text() for client in CLIENTS}

    def assert_pulls_broke_off_and_went_on(self, logs):
        inside = 0
        for client, log in logs.items():
            reached = {}
            for text, chunk in re.findall(r"(round \d+): pulling the model broke off at chunk (\d+)", log):
                self.assertGreaterEqual(int(chunk), reached.get(text, 0), f"{client}, {text}: began anew")
                reached[text] = int(chunk)
                inside += int(chunk) > 0
        self.assertGreater(inside, CUTS)

    def assert_pushes_broke_off(self, logs):
        self.assertGreater(sum(log.count("delivering the update broke off") for log in logs.values()), CUTS)

    def test_cuts_where_both_directions_are_lossy(self):
        def make_proxy(client, address):
            return CuttingProxy(address, seed=f"lossy {client}", cuts=CUTS, counted=("up", "down"), most=1 << 15)
        federation, _ = self.start("lossy", make_proxy, LOSSY)
        self.assertEqual(federation.finish()["model_hash"], self.undisturbed_lossy["model_hash"])

    def test_cuts_in_uploads(self):
        self.assert_pushes_broke_off(self.run_with_cuts("uploads", "up"))

    def test_cuts_in_downloads(self):
        self.assert_pulls_broke_off_and_went_on(self.run_with_cuts("downloads", "down"))

    def test_cuts_in_both_directions(self):
        logs = self.run_with_cuts("both", "up", "down")
        self.assert_pulls_broke_off_and_went_on(logs)
        self.assert_pushes_broke_off(logs)

    def start_with_victim(self, name, hold):
        """Two rounds, in the first of which `hold` stops the victim's transfer, and which waits for it to its deadline."""
        settings = (*SETTINGS, "rounds=2", "round.deadline=20s", "round.grace=1s")
        return self.start(name, lambda client, address: CuttingProxy(address, hold=hold) if client == VICTIM else None,
                          settings)

    def test_a_client_that_vanishes_in_its_upload_leaves_no_trace(self):
        half = self.undisturbed["history"][0]["updates"][VICTIM]["bytes"] // 2
        started = {"vanished": self.start_with_victim("vanished", ("up", half)),
                   "never_reported": self.start_with_victim("never_reported", ("down", half))}
        for federation, proxies in started.values():
            self.assertTrue(proxies[VICTIM].held.wait(timeout=60), "nothing was held")
            federation.clients[VICTIM].kill()
            federation.await_event("client_left", lambda data: data["client"] == VICTIM)
        results = {name: federation.finish() for name, (federation, _) in started.items()}
        partial = {}
        for name, result in results.items():
            for r in result["history"]:
                self.assertEqual(set(r["updates"]), set(CLIENTS) - {VICTIM})
            first = result["history"][0]
            partial[name] = first["bytes_up"] - sum(update["bytes"] for update in first["updates"].values())
            self.assertEqual(list((self.folder / name / "state").glob("*.spool")), [])
        self.assertGreater(partial["vanished"], CHUNK)
        self.assertEqual(partial["never_reported"], 0)
        hashes = {name: [r["model_hash"] for r in result["history"]] for name, result in results.items()}
        self.assertEqual(hashes["vanished"], hashes["never_reported"])
        self.assertNotEqual(hashes["vanished"][0], self.undisturbed["history"][0]["model_hash"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
