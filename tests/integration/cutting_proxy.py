"""A TCP proxy on the loopback that breaks connections at chosen bytes.

    proxy = CuttingProxy("127.0.0.1:7700", seed=3, cuts=5, most=100_000, counted=("up",))
    # clients dial proxy.address; "up" is from the client to the target, "down" the other way

It passes bytes on as they are. Each of the first `cuts` connections is cut after a number of bytes that is drawn evenly
from 1 to `most`, in one of the directions in `counted`, in turn. Exactly so many are passed on, then both ends are closed,
every other time by a reset. Later connections are left alone, so whatever goes through the proxy ends.

With hold=("up", 100_000), the first connection passes on no more than so many bytes in that direction, but stays open
for as long as the client keeps it: `held` is set when there are more.
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

    def __init__(self, client, target):
        self.ends = (client, target)
        self.counted = None  # the direction whose bytes count
        self.cut_after = None  # counted bytes that may still pass; None: any number
        self.reset = False
        self.hold = None  # (direction, bytes that may still pass in it)
        self.held = threading.Event()

    def _most(self, direction):
        """How many bytes may pass now."""
        most = PIECE
        if self.cut_after is not None and direction == self.counted:
            most = min(most, self.cut_after)
        if self.hold is not None and self.hold[0] == direction:
            most = min(most, self.hold[1])
        return most

    def _count(self, direction, passed):
        if self.cut_after is not None and direction == self.counted:
            self.cut_after -= passed
        if self.hold is not None and self.hold[0] == direction:
            self.hold = (direction, self.hold[1] - passed)

    def serve(self):
        try:
            self._pass_on()
        except OSError:
            self.reset = True  # one end has reset the connection: so does the other
        for end in self.ends:
            if self.reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.close()

    def _pass_on(self):
        client, target = self.ends
        flows = {"up": Flow(client, target), "down": Flow(target, client)}
        while self.cut_after != 0:
            wants = [flow.source for flow in flows.values() if len(flow.waiting) < PIECE and not flow.over]
            gives = [flow.sink for flow in flows.values() if flow.waiting]
            readable, writable, _ = select.select(wants, gives, [])
            for direction, flow in flows.items():
                if flow.source in readable:
                    piece = flow.source.recv(PIECE)
                    flow.over |= not piece
                    flow.waiting += piece
                if flow.sink in writable:
                    passed = flow.sink.send(flow.waiting[:self._most(direction)])
                    self._count(direction, passed)
                    flow.waiting = flow.waiting[passed:]
                if self.hold == (direction, 0) and flow.waiting:
                    self.held.set()
                    flow.waiting = b""  # read and dropped, so that the end of the connection is seen
                if flow.over and not flow.waiting:
                    return


class CuttingProxy:
    def __init__(self, target, seed=0, cuts=0, most=1, counted=("up", "down"), hold=None):
        self.cuts_left = cuts
        self.held = threading.Event()
        self._target = (target.rsplit(":", 1)[0], int(target.rsplit(":", 1)[1]))
        self._most = most
        self._counted = counted
        self._hold = hold
        self._stream = random.Random(seed)
        self._connections = []
        self._listener = socket.socket()
        self._limit_buffers(self._listener)  # what it accepts inherits them
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

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
        connection = Connection(client, target)
        if self.cuts_left > 0:
            self.cuts_left -= 1
            connection.counted = self._counted[self.cuts_left % len(self._counted)]
            connection.cut_after = self._stream.randint(1, self._most)
            connection.reset = self.cuts_left % 2 == 0
        if not self._connections:
            connection.hold, connection.held = self._hold, self.held
        self._connections.append(connection)
        threading.Thread(target=connection.serve, daemon=True).start()

    def close(self):
        for end in [self._listener, *(end for connection in self._connections for end in connection.ends)]:
            try:
                end.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for it
            except OSError:
                pass  # closed already
        self._listener.close()
