"""Memory of groups of processes: the peak of the summed resident sizes, children included. Reads /proc alone."""

import os
import threading

PAGE = os.sysconf("SC_PAGE_SIZE")
INTERVAL = 0.25  # seconds between two looks


def _processes():
    """Process id -> (parent, resident bytes) of all processes of the machine."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:  # it has ended meanwhile
            continue
        found[int(name)] = (int(fields[1]), int(fields[21]) * PAGE)
    return found


def tree(roots):
    """The processes `roots` and all that descend from them."""
    children = {}
    for process, (parent, _) in _processes().items():
        children.setdefault(parent, []).append(process)
    found, todo = [], list(roots)
    while todo:
        process = todo.pop()
        found.append(process)
        todo += children.get(process, [])
    return found


def available_bytes():
    """Memory that new processes can have."""
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    raise OSError("/proc/meminfo has no MemAvailable")


def _command_of(process):
    try:
        with open(f"/proc/{process}/cmdline") as file:
            return file.read()
    except OSError:
        return ""


class ProcessWatch:
    """Looks four times a second while it is open.

    roots: group -> the processes that it begins with; may grow. client_word: processes of the group "server" whose
    command holds this word count as "clients" (a simulator's clients are its children).
    """

    def __init__(self, client_word=None):
        self.roots = {}
        self.peak = {}
        self.least_available = available_bytes()
        self._client_word = client_word
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _watch(self):
        while not self._over.wait(INTERVAL):
            self._look()

    def _look(self):
        sizes = {process: size for process, (_, size) in _processes().items()}
        now = {}
        for group, roots in list(self.roots.items()):
            for process in tree(roots):
                is_client = self._client_word is not None and self._client_word in _command_of(process)
                name = "clients" if is_client else group
                now[name] = now.get(name, 0) + sizes.get(process, 0)
        for group, size in now.items():
            self.peak[group] = max(self.peak.get(group, 0), size)
        self.least_available = min(self.least_available, available_bytes())
