"""What the environment of a company changes behind a program's back: proxies; and variables in place of flags."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

import tiny_federation as tiny
from processes import Coordinator


class AskedProxy:
    """A proxy on the loopback that notes what it is asked, and answers nothing."""

    def __init__(self):
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://user:secret@127.0.0.1:{self.listener.getsockname()[1]}"
        self.first = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.asked.append(connection.recv(1000).decode(errors="replace").split("\r\n")[0])
                self.first.set()

    def close(self):
        self.listener.close()


class EnvironmentTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="environment_test."))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        tiny.write_source(cls.folder / "source")
        tiny.prepare(cls.folder / "source", cls.folder / "data")
        cls.run_file = tiny.write_run_file(cls.folder / "run.toml", cls.folder / "data", 1)

    def setUp(self):
        self.proxy = AskedProxy()
        self.addCleanup(self.proxy.close)
        self.proxied = os.environ | {name: self.proxy.url for name in ("http_proxy", "https_proxy", "grpc_proxy")}
        for name in ("no_proxy", "no_grpc_proxy"):
            self.proxied.pop(name, None)

    def test_a_run_on_this_machine_asks_no_proxy(self):
        done = subprocess.run([tiny.BIN / "tributary", "run", self.run_file, "--out", self.folder / "proxied", "--json"],
                              env=self.proxied, capture_output=True, text=True, timeout=240)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.proxy.asked, [])

    def status(self, address, **variables):
        return subprocess.run([tiny.BIN / "tributary", "status", "--server", address, "--insecure"],
                              env=self.proxied | variables, capture_output=True, text=True, timeout=60)

    def test_a_proxy_for_another_machine_is_used_and_named_without_its_password(self):
        done = self.status("192.0.2.1:7700")  # RFC 5737: nobody is there
        self.assertEqual(done.returncode, 1)
        self.assertIn("through the proxy 127.0.0.1:", done.stderr)
        self.assertIn("grpc_proxy", done.stderr)
        self.assertNotIn("secret", done.stderr)
        self.assertIn("CONNECT 192.0.2.1:7700 HTTP/1.1", self.proxy.asked)

    def test_no_proxy_takes_networks_and_everything(self):
        for exceptions in ("192.0.2.0/24", "*", "10.0.0.0/8, 192.0.2.1"):
            done = self.status("192.0.2.1:7700", no_proxy=exceptions)
            self.assertNotIn("proxy", done.stderr)
        self.assertEqual(self.proxy.asked, [])

    def test_a_clients_log_names_the_proxy(self):
        client = subprocess.Popen(
            [tiny.BIN / "tributary-client", "--server", "192.0.2.1:7700", "--insecure", "--name", "a", "--data",
             self.folder / "data/icon-contexts/client-00", "--state", self.folder / "client", "--device", "cpu"],
            env=self.proxied, stderr=subprocess.PIPE, text=True)
        self.addCleanup(client.stderr.close)
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        line = next(line for line in client.stderr if "proxy" in line)
        self.assertIn("is reached through the proxy 127.0.0.1:", line)
        self.assertNotIn("secret", line)

    def test_variables_stand_in_for_the_flags_of_every_program(self):
        variables = os.environ | {"TRIBUTARY_RUN": str(self.run_file), "TRIBUTARY_STATE": str(self.folder / "by_variables"),
                                  "TRIBUTARY_LISTEN": "127.0.0.1:0", "TRIBUTARY_JSON": "true"}
        server = subprocess.Popen([tiny.BIN / "tributary-server"], env=variables, stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        address = next(event["data"]["address"] for event in map(json.loads, server.stdout)
                       if event["kind"] == "listening")
        done = subprocess.run([tiny.BIN / "tributary", "status"], capture_output=True, text=True, timeout=60,
                              env=os.environ | {"TRIBUTARY_SERVER": address, "TRIBUTARY_JSON": "true"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["run_name"], "tiny")

    def test_every_command_has_variables_for_its_flags(self):
        done = subprocess.run([tiny.BIN / "tributary", "plan", self.run_file], capture_output=True, text=True, timeout=60,
                              env=os.environ | {"TRIBUTARY_JSON": "true"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIsInstance(json.loads(done.stdout), dict)

    def test_variables_for_one_client_do_not_reach_those_of_a_run(self):
        variables = os.environ | {"TRIBUTARY_STAY": "true", "TRIBUTARY_TLS_CA": "/nowhere/ca.crt"}
        done = subprocess.run([tiny.BIN / "tributary", "run", self.run_file, "--out", self.folder / "variables"],
                              env=variables, capture_output=True, text=True, timeout=240)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_coordinator_that_waits_prints_progress_when_something_changes(self):
        coordinator = Coordinator(self.run_file, self.folder / "idle", "127.0.0.1:0")
        self.addCleanup(coordinator.kill)
        address = coordinator.await_event("listening")["address"]
        coordinator.await_event("progress", lambda data: "expected clients attend" in data["waiting"])
        # It looks round four times a second; each of these calls takes a while of that.
        for _ in range(20):
            done = subprocess.run([tiny.BIN / "tributary", "status", "--server", address], capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
        seen = coordinator.of_kind("progress")
        self.assertEqual([a for a, b in zip(seen, seen[1:]) if a == b], [], "the same twice")


if __name__ == "__main__":
    unittest.main(verbosity=2)
