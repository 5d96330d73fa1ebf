"""What people see on terminals: painted in place on those that can, plain lines on all others."""

import fcntl
import os
import pathlib
import pty
import re
import shutil
import struct
import subprocess
import tempfile
import termios
import unittest

import tiny_federation as tiny
from processes import CLIENTS, Client, Coordinator

ESCAPE = "\x1b"


def on_terminal(command, rows=24, columns=80, **variables):
    """Runs a command on a terminal of its own; returns (exit code, what it has printed there)."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("TERM", "NO_COLOR")} | variables
    process = subprocess.Popen([str(word) for word in command], stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    printed = b""
    while True:
        try:
            piece = os.read(master, 1 << 16)
        except OSError:  # the last process has closed the terminal
            break
        if not piece:
            break
        printed += piece
    os.close(master)
    return process.wait(timeout=60), printed.decode(errors="replace").replace("\r\n", "\n")


def highest_block(printed):
    """The number of lines of the highest block that was painted over: what the cursor moved up."""
    return max([int(rows) for rows in re.findall(rf"{ESCAPE}\[(\d+)A", printed)], default=0)


class TerminalTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="terminal_test."))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        tiny.write_source(cls.folder / "source")
        tiny.prepare(cls.folder / "source", cls.folder / "data")
        cls.run_file = tiny.write_run_file(cls.folder / "run.toml", cls.folder / "data", 1)

    def run_on_terminal(self, name, **more):
        code, printed = on_terminal([tiny.BIN / "tributary", "run", self.run_file, "--out", self.folder / name], **more)
        self.assertEqual(code, 0, printed)
        self.assertIn("method fedcola, 1 rounds", printed)
        return printed

    def test_terminals_that_cannot_be_painted_over_get_plain_lines(self):
        cases = {"dumb": {"TERM": "dumb"}, "unset": {}, "no_color": {"TERM": "xterm", "NO_COLOR": "1"},
                 "narrow": {"TERM": "xterm", "columns": 30}}
        for name, more in cases.items():
            with self.subTest(name):
                printed = self.run_on_terminal(name, **more)
                self.assertNotIn(ESCAPE, printed)
                self.assertRegex(printed, r"(?m)^round 1/1 ")

    def test_other_terminals_are_painted_in_place(self):
        printed = self.run_on_terminal("xterm", TERM="xterm-256color")
        self.assertGreater(highest_block(printed), 3)
        self.assertIn("tributary watch --server 127.0.0.1:", printed)

    def test_watch_is_a_screen_on_a_terminal_and_dated_lines_elsewhere(self):
        coordinator = Coordinator(self.run_file, self.folder / "watched", "127.0.0.1:0", "rounds=3")
        self.addCleanup(coordinator.kill)
        address = coordinator.await_event("listening")["address"]
        watch = [tiny.BIN / "tributary", "watch", "--server", address]
        lines = subprocess.Popen(watch, stdout=subprocess.PIPE, text=True)
        self.addCleanup(lines.kill)
        for name in CLIENTS:
            self.addCleanup(Client(name, address, self.folder, self.folder / "data").kill)
        code, printed = on_terminal(watch, TERM="xterm")
        self.assertEqual(code, 0, printed)
        self.assertGreater(highest_block(printed), 3)
        self.assertLess(highest_block(printed), 24)
        self.assertRegex(printed, r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d the run is finished")
        plain = lines.communicate(timeout=60)[0]
        self.assertNotIn(ESCAPE, plain)
        self.assertRegex(plain, r"(?m)^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d round 3 of 3 committed with 4 updates, loss icon-")
        self.assertIn("R@1 sum", plain)

    def test_watch_shows_what_was_before_a_restart_if_asked(self):
        rounds = ("rounds=1000",)
        coordinator = Coordinator(self.run_file, self.folder / "restarted", "127.0.0.1:0", *rounds)
        self.addCleanup(coordinator.kill)
        address = coordinator.await_event("listening")["address"]
        coordinator.kill()
        coordinator = Coordinator(self.run_file, self.folder / "restarted", address, *rounds)
        self.addCleanup(coordinator.kill)
        coordinator.await_event("run_started")
        starts = {}
        for since in ((), ("--since", "1h"), ("--since", "all"), ("--since", "2000-01-01")):
            watch = subprocess.Popen([tiny.BIN / "tributary", "watch", "--server", address, *since],
                                     stdout=subprocess.PIPE, text=True)
            self.addCleanup(watch.kill)
            starts[since] = 0
            while not starts[since] or starts[since] < (2 if since else 1):
                starts[since] += "listening on" in watch.stdout.readline()
            watch.kill()
            watch.wait()
            watch.stdout.close()
        self.assertEqual(list(starts.values()), [1, 2, 2, 2])
        done = subprocess.run([tiny.BIN / "tributary", "watch", "--server", address, "--since", "yesterday"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--since", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
