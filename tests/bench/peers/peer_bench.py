#!/usr/bin/env python3
"""Federated rounds without training in another framework, with real processes on the loopback.

Weights go down to all clients, which add a constant and send them back; the server averages them. Prints one JSON
object: seconds of each round, MB/s of both directions together, peak memory of server and clients. Compare with
`tributary bench wire` of the same size in the same hour.

  peer_bench.py --venv venvs/flower  --mode legacy   Flower's start_server: one gRPC stream for each client
  peer_bench.py --venv venvs/flower  --mode deploy   Flower's deployment engine: SuperLink and SuperNodes
  peer_bench.py --venv venvs/nvflare --mode nvflare  NVIDIA FLARE's simulator, a process for each client

This file needs Python 3.9 and nothing else; README.md says how to make the environments.
Exit codes: 0 measured, 1 the framework failed or ran out of time or memory, 2 wrong use.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from process_watch import ProcessWatch, tree

HERE = pathlib.Path(__file__).resolve().parent
GIB = 1 << 30


class PeerFailed(Exception):
    """The framework did not do its rounds; the text says why."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Peer:
    """The processes of one framework in a scratch folder. A subclass starts them."""

    package = "flwr"
    client_word = None

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.bin = options.venv.resolve() / "bin"
        self.rounds_file = folder / "rounds.jsonl"
        self.processes = []
        self.environment = dict(os.environ, HOME=str(folder), FLWR_HOME=str(folder / "flwr"),
                                FLWR_TELEMETRY_ENABLED="0", FLWR_DISABLE_UPDATE_CHECK="1",
                                FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION="1",
                                PATH=f"{self.bin}:{os.environ['PATH']}")

    def start(self, watch):
        raise NotImplementedError

    def size_flags(self):
        options = self.options
        return ["--mb", str(options.mb), "--tensors", str(options.tensors), "--clients", str(options.clients),
                "--rounds", str(options.rounds), "--out", str(self.rounds_file)]

    def spawn(self, name, command, cwd=None):
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=subprocess.STDOUT,
                                       env=self.environment, cwd=cwd or self.folder)
        self.processes.append(process)
        return process.pid

    def await_port(self, port):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if self.processes[0].poll() is not None:
                break
            time.sleep(0.1)
        raise PeerFailed("the server does not listen")

    def rounds(self):
        if not self.rounds_file.exists():
            return []
        return [json.loads(line) for line in self.rounds_file.read_text().splitlines()]

    def await_end(self, watch):
        done = self.rounds_file.with_name(self.rounds_file.name + ".done")
        end = time.monotonic() + self.options.timeout
        while not done.exists():
            if time.monotonic() > end:
                raise PeerFailed(f"not finished after {self.options.timeout:.0f} s")
            if watch.least_available < self.options.min_free_gb * GIB:
                raise PeerFailed(f"less than {self.options.min_free_gb} GiB of memory were available")
            if self.processes[0].poll() is not None and not done.exists():
                raise PeerFailed(f"the server ended with exit code {self.processes[0].returncode}")
            time.sleep(0.1)

    def kill(self):
        for process in tree([process.pid for process in self.processes]):
            with contextlib.suppress(OSError):  # it has ended by itself
                os.kill(process, signal.SIGKILL)
        for process in self.processes:
            process.wait()

    def version(self):
        code = f"import importlib.metadata as m; print(m.version('{self.package}'))"
        done = subprocess.run([self.bin / "python", "-c", code], capture_output=True, text=True, check=False)
        return done.stdout.strip()


class FlowerLegacy(Peer):
    def start(self, watch):
        for name in ("flower_legacy_server.py", "flower_legacy_client.py", "synthetic_state.py"):
            shutil.copy(HERE / name, self.folder)
        port = free_port()
        address = ["--address", f"127.0.0.1:{port}"]
        watch.roots["server"] = [
            self.spawn("server", [self.bin / "python", "flower_legacy_server.py", *self.size_flags(), *address])]
        self.await_port(port)
        watch.roots["clients"] = [
            self.spawn(f"client-{i}", [self.bin / "python", "flower_legacy_client.py", *address])
            for i in range(self.options.clients)]


class FlowerDeployment(Peer):
    def start(self, watch):
        app = self.folder / "app"
        shutil.copytree(HERE / "flower_app", app, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(HERE / "synthetic_state.py", app / "noop")
        port = free_port()
        watch.roots["server"] = [
            self.spawn("superlink", [self.bin / "flower-superlink", "--insecure", "--host", "127.0.0.1", "--port", port,
                                     "--disable-runtime-dependency-installation"])]
        self.await_port(port)
        nodes = self.options.clients
        watch.roots["clients"] = [
            self.spawn(f"supernode-{i}", [self.bin / "flower-supernode", "--insecure",
                                          "--superlink", f"127.0.0.1:{port}",
                                          "--host", "127.0.0.1", "--port", free_port(),
                                          "--node-config", f"partition-id={i} num-partitions={nodes}"])
            for i in range(nodes)]
        self.submit(app, port)

    def submit(self, app, port):
        home = pathlib.Path(self.environment["FLWR_HOME"])
        home.mkdir(exist_ok=True)
        (home / "config.toml").write_text(
            f'[superlink]\ndefault = "bench"\n[superlink.bench]\naddress = "127.0.0.1:{port}"\ninsecure = true\n')
        options = self.options
        settings = (f"mb={options.mb} tensors={options.tensors} rounds={options.rounds} clients={options.clients} "
                    f'out="{self.rounds_file}"')
        done = subprocess.run([self.bin / "flwr", "run", app, "bench", "--run-config", settings], env=self.environment,
                              cwd=self.folder, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise PeerFailed(f"flwr run: {(done.stdout + done.stderr)[-1500:]}")


class NvFlare(Peer):
    package = "nvflare"
    client_word = "simulator_worker"

    def start(self, watch):
        app = self.folder / "app"
        shutil.copytree(HERE / "nvflare_app", app, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(HERE / "synthetic_state.py", app)
        watch.roots["server"] = [
            self.spawn("simulator", [self.bin / "python", "job.py", *self.size_flags(), "--work", self.folder / "work"],
                       cwd=app)]


PEERS = {"legacy": FlowerLegacy, "deploy": FlowerDeployment, "nvflare": NvFlare}


def figures(options, peer, watch):
    """What was measured, as one flat object; only what could be measured where the peer failed."""
    result = {"peer": peer.package, "version": peer.version(), "mode": options.mode, "mb": options.mb,
              "tensors": options.tensors, "clients": options.clients}
    rounds = peer.rounds()
    if rounds:
        seconds = [record["seconds"] for record in rounds]
        later = seconds[1:] or seconds  # the first one may hold the wait for clients
        median = statistics.median(later)
        result.update(seconds_per_round=[round(s, 3) for s in seconds], median_seconds=round(median, 3),
                      least_seconds=round(min(later), 3), most_seconds=round(max(later), 3),
                      mb_per_second=round(2 * options.mb * options.clients / median, 1),
                      errors=sum(record["errors"] for record in rounds))
    result["peak_mb"] = {group: round(size / 1e6) for group, size in sorted(watch.peak.items())}
    return result


def show_logs(folder):
    for log in sorted(folder.glob("*.log")):
        print(f"--- {log.name}\n{log.read_text(errors='replace')[-700:]}", file=sys.stderr)


def measure(options):
    """Runs the peer once; prints its figures. The exit code."""
    failure = None
    with tempfile.TemporaryDirectory(prefix="peer_bench.") as name:
        folder = pathlib.Path(name)
        peer = PEERS[options.mode](options, folder)
        with ProcessWatch(peer.client_word) as watch:
            try:
                peer.start(watch)
                peer.await_end(watch)
            except (PeerFailed, subprocess.TimeoutExpired) as error:
                failure = str(error)
            finally:
                peer.kill()
        result = figures(options, peer, watch)
        if failure is not None:
            result["failure"] = failure
            show_logs(folder)
    print(json.dumps(result), flush=True)
    if options.json is not None:
        with options.json.open("a") as file:
            file.write(json.dumps(result) + "\n")
    return 0 if failure is None else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=pathlib.Path, required=True, help="virtual environment with the framework")
    parser.add_argument("--mode", choices=sorted(PEERS), required=True)
    parser.add_argument("--mb", type=float, default=22, help="size of the model in MB (10^6 bytes)")
    parser.add_argument("--tensors", type=int, default=300, help="that the model is made of, about")
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--timeout", type=float, default=600, help="seconds for all rounds")
    parser.add_argument("--min-free-gb", type=float, default=3, help="stop when less memory (GiB) is available")
    parser.add_argument("--json", type=pathlib.Path, help="file to append the figures to")
    options = parser.parse_args()
    if not (options.venv / "bin/python").exists():
        parser.error(f"{options.venv} is no virtual environment; README.md says how to make it")
    if options.mb <= 0 or options.tensors < 1 or options.clients < 1 or options.rounds < 1:
        parser.error("sizes, clients and rounds must be above 0")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the processes are ended
    return measure(options)


if __name__ == "__main__":
    sys.exit(main())
