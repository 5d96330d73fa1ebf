"""A TCP proxy on the loopback that breaks connections at chosen bytes.

    proxy = CuttingProxy("127.0.0.1:7700", seed=3, cuts=5, most=100_000, counted=("up",))
    # clients dial proxy.address; "up" is from the client to the target, "down" the other way

It passes bytes on as they are. `cuts` times it waits until a number of bytes that is drawn evenly from 1 to `most` has
gone in one of the directions in `counted`, in turn, over whatever connections; exactly so many are passed on, then the
connection that carried the last of them is closed at both ends, every other time by a reset. Afterwards connections are
left alone, so whatever goes through the proxy ends.

With hold=("up", 100_000), no connection passes on more than so many bytes in that direction, but stays open for as long
as the client keeps it: `held` is set when there are more.
"""

import random
import select
import socket
import struct
import threading

PIECE = 1 << 14
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() drops what is left and sends RST


class Flow:
    """The bytes of one direction."""

    def __init__(self, source, sink):
        self.source = source
        self.sink = sink
        self.waiting = b""  # to be passed on
        self.over = False  # no more will come


class Connection:
    """A client's connection and the one to the target that belongs to it, served by one thread."""

    def __init__(self, client, target, cutter, hold, held):
        self.ends = (client, target)
        self.cutter = cutter
        self.hold = hold  # (direction, bytes that may still pass in it) or None
        self.held = held

    def serve(self):
        try:
            reset = self._pass_on()
        except OSError:
            reset = True  # one end has reset the connection: so does the other
        for end in self.ends:
            if reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.close()

    def _send(self, direction, flow):
        """Passes on what may pass. Returns the cut that fell after it, or None."""
        most = PIECE
        if self.hold is not None and self.hold[0] == direction:
            most = min(most, self.hold[1])
        with self.cutter.lock:
            passed = flow.sink.send(flow.waiting[:min(most, self.cutter.most(direction))])
            cut = self.cutter.count(direction, passed)
        flow.waiting = flow.waiting[passed:]
        if self.hold is not None and self.hold[0] == direction:
            self.hold = (direction, self.hold[1] - passed)
        return cut

    def _pass_on(self):
        """Returns whether to end with a reset."""
        client, target = self.ends
        flows = {"up": Flow(client, target), "down": Flow(target, client)}
        while True:
            wants = [flow.source for flow in flows.values() if len(flow.waiting) < PIECE and not flow.over]
            gives = [flow.sink for flow in flows.values() if flow.waiting]
            readable, writable, _ = select.select(wants, gives, [])
            for direction, flow in flows.items():
                if flow.source in readable:
                    piece = flow.source.recv(PIECE)
                    flow.over |= not piece
                    flow.waiting += piece
                if flow.sink in writable and (cut := self._send(direction, flow)) is not None:
                    return cut.reset
                if self.hold == (direction, 0) and flow.waiting:
                    self.held.set()
                    flow.waiting = b""  # read and dropped, so that the end of the connection is seen
                if flow.over and not flow.waiting:
                    return False


class Cut:
    def __init__(self, direction, left, reset):
        self.direction = direction
        self.left = left  # bytes until it falls
        self.reset = reset


class Cutter:
    """Counts bytes until the next cut. Used with its lock held."""

    def __init__(self, seed, cuts, most, counted):
        self.lock = threading.Lock()
        stream = random.Random(seed)
        self.cuts = [Cut(counted[i % len(counted)], stream.randint(1, most), i % 2 == 0) for i in range(cuts)]

    def most(self, direction):
        """How many bytes may pass now."""
        return self.cuts[0].left if self.cuts and self.cuts[0].direction == direction else PIECE

    def count(self, direction, passed):
        """Returns the cut that fell after these bytes, or None."""
        if not self.cuts or self.cuts[0].direction != direction:
            return None
        self.cuts[0].left -= passed
        return self.cuts.pop(0) if self.cuts[0].left == 0 else None


class CuttingProxy:
    def __init__(self, target, seed=0, cuts=0, most=1, counted=("up", "down"), hold=None):
        self._cutter = Cutter(seed, cuts, most, counted)
        self.held = threading.Event()
        self._target = (target.rsplit(":", 1)[0], int(target.rsplit(":", 1)[1]))
        self._hold = hold
        self._connections = []
        self._listener = socket.socket()
        self._limit_buffers(self._listener)  # what it accepts inherits them
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def cuts_left(self):
        with self._cutter.lock:
            return len(self._cutter.cuts)

    def _limit_buffers(self, end):
        # So that little is under way between what one end has sent and what the other has received.
        for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            end.setsockopt(socket.SOL_SOCKET, buffer, PIECE)

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # close() was called
            target = socket.socket()
            self._limit_buffers(target)
            try:
                target.connect(self._target)
            except OSError:
                client.close()
                target.close()
                continue
            self._open(client, target)

    def _open(self, client, target):
        for end in (client, target):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(client, target, self._cutter, self._hold, self.held)
        self._connections.append(connection)
        threading.Thread(target=connection.serve, daemon=True).start()

    def close(self):
        for end in [self._listener, *(end for connection in self._connections for end in connection.ends)]:
            try:
                end.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for it
            except OSError:
                pass  # closed already
        self._listener.close()
