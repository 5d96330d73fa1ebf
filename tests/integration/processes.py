"""A coordinator and its clients as processes of their own, for tests that do without `tributary run`."""

import json
import subprocess
import threading

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

    def await_event(self, kind, matches=lambda data: True):
        def found():
            return [data for data in self.of_kind(kind) if matches(data)]
        with self.changed:
            self.changed.wait_for(lambda: found() or self.of_kind("end"), timeout=120)
            if not found():
                raise AssertionError(f"no event {kind}; the last were {self.events[-5:]}")
            return found()[0]

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


class Client:
    """`tributary-client --json`, its log in a file."""

    def __init__(self, name, address, folder, data, *flags):
        self.log = folder / f"{name}.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [tiny.BIN / "tributary-client", "--json", "--server", address, "--name", name, "--data",
                 data / CLIENTS[name] / f"client-{name[-2:]}", "--state", folder / name, "--device", "cpu",
                 "--threads", "1", *flags], stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def ends_with(self, timeout=60):
        """(exit code, log)"""
        return self.process.wait(timeout=timeout), self.log.read_text()
