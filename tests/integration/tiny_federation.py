"""Tiny data and runs for integration tests: made-up icon themes and glosses, prepared by `tributary prepare`.

Nothing is downloaded: PNG files are written by hand. Programs: $TRIBUTARY_BIN, else build/release/bin.
"""

import json
import os
import pathlib
import queue
import random
import signal
import struct
import subprocess
import threading
import zlib

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("TRIBUTARY_BIN", SOURCE / "build/release/bin"))
THEMES = ["Adwaita", "Faenza", "Tango", "elementary-xfce", "gnome", "mate", "nuoveXT2", "oxygen"]
CONTEXTS = ["actions", "apps", "categories", "devices", "emblems", "mimetypes", "places", "status"]
DATASETS = {"icon-names": ("pair", 2), "icon-contexts": ("image", 1), "wordnet-glosses": ("text", 1)}

RUN_FILE = """
name = "tiny"
method = "fedcola"
seed = 7
rounds = {rounds}

{datasets}

[model]
dim = 8
depth = 2
heads = 2
patch = 8
image_size = 32
max_tokens = 8

[local]
epochs = 1
batch = 16
learning_rate = 1e-3

[round]
fraction = 1.0
deadline = "2m"
join_timeout = "1m"

[wire]
heartbeat = "200ms"
liveness = "20s"

[evaluation]
threads = 1

[creamfl]
public = "{public}"
samples = 30
batch = 12
"""


def write_png(path, size, pixel):
    """An RGB image whose pixel (x, y) is pixel(x, y)."""
    rows = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(size)) for y in range(size))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def write_source(root):
    """Eight themes of 20 names, a vector theme of 40 icons, a public theme of 40, 26 kinds of 12 glosses."""
    icons = root / "usr/share/icons"
    for t, theme in enumerate(THEMES):
        for n in range(20):
            write_png(icons / theme / "32x32" / CONTEXTS[n % 8] / f"thing-{n}.png", 32,
                      lambda x, y: ((x * n) % 256, (y * (t + 1) * 7) % 256, (n * 12) % 256))
    for n in range(40):
        write_png(icons / "Numix/32" / CONTEXTS[n % 8] / f"public-{n}.png", 32,
                  lambda x, y: ((x * n) % 256, (y * 3) % 256, (n * 6) % 256))
    for n in range(80):
        path = icons / "breeze" / CONTEXTS[n % 8] / "32" / f"shape-{n}.svg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
                        f'<rect x="{n % 20}" y="{n % 9}" width="9" height="12" fill="rgb({n * 3},80,90)"/></svg>')
    words = ["red", "green", "small", "large", "old", "new", "round", "sharp", "wooden", "living"]
    stream = random.Random(3)
    lines = [f"{kind * 100 + number:08d} {kind:02d} n 01 word 0 000 | "
             + " ".join(stream.sample(words, 4)) + f" thing of kind {kind} number {number}"
             for kind in range(3, 29) for number in range(12)]
    place = root / "usr/share/wordnet"
    place.mkdir(parents=True)
    (place / "data.noun").write_text("\n".join(lines) + "\n")


def prepare(root, out):
    for dataset, (_, count) in [*DATASETS.items(), ("icon-public", ("pair", 1))]:
        partition = "natural" if dataset == "icon-names" else "iid"
        subprocess.run([BIN / "tributary", "prepare", "--dataset", dataset, "--source", root, "--out", out / dataset,
                        "--clients", str(count), "--partition", partition, "--threads", "2"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def write_run_file(path, data, rounds):
    datasets = "\n".join(f'[[datasets]]\nname = "{name}"\nmodality = "{kind}"\nclients = {count}\n'
                         f'path = "{data / name}"\n' for name, (kind, count) in DATASETS.items())
    path.write_text(RUN_FILE.format(rounds=rounds, datasets=datasets, public=data / "icon-public/client-00"))
    return path


def children_of(pid):
    """{pid: command line} of the direct children that run."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if not entry.name.isdigit():
                continue
            state, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            if int(parent) == pid and state != "Z":
                children[int(entry.name)] = (entry / "cmdline").read_text().split("\0")[:-1]
        except (FileNotFoundError, ProcessLookupError):
            pass
    return children


class Run:
    """`tributary run ... --json`, with its events as they come."""

    def __init__(self, run_file, out, *more):
        self.out = out
        self.process = subprocess.Popen([BIN / "tributary", "run", run_file, "--out", out, "--json", *more],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def await_event(self, kind, matches=lambda data: True):
        while True:
            event = self.lines.get(timeout=120)
            if event is None:
                raise AssertionError(f"the run ended without {kind}: {self.process.communicate()[1]}")
            if event["kind"] == kind and matches(event.get("data", {})):
                return event

    def server_pid(self):
        return next(pid for pid, command in children_of(self.process.pid).items()
                    if command[0].endswith("tributary-server"))

    def client_pid(self, name):
        return next(pid for pid, command in children_of(self.process.pid).items() if name in command)

    def finish(self):
        """Waits for the end; returns (exit code, result.json or None)."""
        code = self.process.wait(timeout=240)
        self.process.stdout.close()
        result = self.out / "result.json"
        return code, json.loads(result.read_text()) if result.exists() else None

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
