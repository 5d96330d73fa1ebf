"""A client that speaks the wire contract from its proto files, and says what no client should.

The honest parts (join, get ready, pull, build an update, push it) follow
proto/tributary/v1/federation.proto; the garbage is made by changing one thing of an honest update.
"""

import hashlib
import importlib
import pathlib
import queue
import struct
import sys
import threading

import grpc
import xxhash
from grpc_tools import protoc

SOURCE = pathlib.Path(__file__).resolve().parents[2]
VOCABULARY = SOURCE / "deploy/assets/bert-base-uncased/vocab.txt"
CALL_SECONDS = 60
MOST_SLICE_VALUES = 1 << 18
SLICES_IN_A_CHUNK = 4


def load_stubs(folder):
    """Generates Python code from the proto files into `folder`; returns its two modules."""
    proto = SOURCE / "proto"
    files = ["tributary/v1/tensor.proto", "tributary/v1/federation.proto"]
    code = protoc.main(["protoc", f"-I{proto}", f"--python_out={folder}",
                        f"--grpc_python_out={folder}", *files])
    if code != 0:
        raise RuntimeError(f"protoc ended with {code}")
    sys.path.insert(0, str(folder))
    return (importlib.import_module("tributary.v1.federation_pb2"),
            importlib.import_module("tributary.v1.tensor_pb2"),
            importlib.import_module("tributary.v1.federation_pb2_grpc"))


class Wire:
    """The generated code, and a channel to one coordinator."""

    def __init__(self, address, folder):
        self.federation, self.tensor, services = load_stubs(folder)
        self.channel = grpc.insecure_channel(
            address, options=[("grpc.max_send_message_length", -1)])
        self.stub = services.FederationStub(self.channel)

    def raw(self, method, kind):
        """A method that takes and gives bytes. `kind`: unary_unary, stream_unary, ..."""
        path = f"/tributary.v1.Federation/{method}"
        return getattr(self.channel, kind)(path)


class Attendance:
    """One Attend stream. Messages are numbered; what arrives is put in a queue."""

    def __init__(self, wire):
        self.wire = wire
        self.sequence = 0
        self.outgoing = queue.Queue()
        self.incoming = queue.Queue()
        self.call = wire.stub.Attend(iter(self.outgoing.get, None))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for message in self.call:
                self.incoming.put(message)
            self.incoming.put(None)
        except grpc.RpcError as error:
            self.incoming.put(error)

    def say(self, **body):
        self.sequence += 1
        self.outgoing.put(self.wire.federation.ClientMessage(sequence=self.sequence, **body))

    def hear(self, kind):
        """The next message of this kind; others before it are dropped. None: the stream ended."""
        while True:
            message = self.incoming.get(timeout=CALL_SECONDS)
            if message is None or isinstance(message, grpc.RpcError):
                return None
            if message.WhichOneof("body") == kind:
                return getattr(message, kind)

    def end(self):
        self.outgoing.put(None)
        self.call.cancel()


def honest_join(wire, name, dataset, classes, samples=50):
    """The Join of a text client."""
    federation = wire.federation
    return federation.Join(
        protocol=1, software_version="garbage", client=name, device="cpu",
        data=federation.DataCard(dataset=dataset, modality=federation.MODALITY_TEXT,
                                 samples=samples, classes=classes, digest="0"),
        vocabulary=hashlib.sha256(VOCABULARY.read_bytes()).hexdigest(),
        codecs=[1, 2, 3, 4])


def elements(spec):
    count = 1
    for extent in spec.shape:
        count *= extent
    return count


def make_slice(wire, tensor, offset, values):
    """`values`: floats. Uncompressed f32."""
    payload = struct.pack(f"<{len(values)}f", *values)
    return wire.tensor.TensorSlice(tensor=tensor, offset=offset, count=len(values), codec=1,
                                   payload=payload, checksum=xxhash.xxh3_64_intdigest(payload))


def reseal(piece):
    """Makes the checksum fit the payload again."""
    piece.checksum = xxhash.xxh3_64_intdigest(piece.payload)


def honest_update(wire, manifest):
    """Chunks of an update that changes nothing."""
    slices = []
    for index, spec in enumerate(manifest.tensors):
        count = elements(spec)
        for offset in range(0, count, MOST_SLICE_VALUES):
            slices.append(make_slice(wire, index, offset,
                                     [0.0] * min(MOST_SLICE_VALUES, count - offset)))
    groups = [slices[i:i + SLICES_IN_A_CHUNK] for i in range(0, len(slices), SLICES_IN_A_CHUNK)]
    return [wire.tensor.Chunk(index=i, count=len(groups), slices=group)
            for i, group in enumerate(groups)]


class Liar:
    """A client in the cohort."""

    def __init__(self, wire, name, dataset, classes):
        self.wire = wire
        self.attendance = Attendance(wire)
        self.attendance.say(join=honest_join(wire, name, dataset, classes))
        self.welcome = self.attendance.hear("welcome")
        self.attendance.say(ready=wire.federation.Ready(upload=self.welcome.upload))
        if self.attendance.hear("attending") is None:
            raise RuntimeError("the coordinator does not take the client in")
        self.round = self.attempt = 0
        self.stop = threading.Event()
        threading.Thread(target=self._live, daemon=True).start()

    def _live(self):
        while not self.stop.wait(self.welcome.heartbeat_ms / 1000):
            self.attendance.say(heartbeat=self.wire.federation.Heartbeat())

    def next_task(self):
        """Waits for the task of a round later than the last one, and accepts it."""
        while True:
            task = self.attendance.hear("task")
            if task is None:
                raise RuntimeError("the stream ended without a task")
            self.attendance.say(task_accepted=self.wire.federation.TaskAccepted(
                round=task.round, attempt=task.attempt))
            if task.round > self.round:
                self.round, self.attempt = task.round, task.attempt
                return task

    def give_up(self):
        """Tells that the task failed; without effect if its update was answered."""
        self.attendance.say(task_failed=self.wire.federation.TaskFailed(
            round=self.round, attempt=self.attempt, message="garbage"))

    def header(self, **changes):
        fields = {"session": self.welcome.session, "round": self.round, "first_chunk": 0,
                  "samples": 50, **changes}
        return self.wire.federation.PushHeader(**fields)

    def push_messages(self, messages):
        return self.wire.stub.PushUpdate(iter(messages), timeout=CALL_SECONDS)

    def push(self, update, **header):
        """Pushes the chunks of `update`, announced as they are unless `header` says otherwise."""
        message = self.wire.federation.PushMessage
        return self.push_messages(
            [message(header=self.header(**{"chunks": len(update), **header}))] +
            [message(chunk=chunk) for chunk in update])

    def update(self):
        return honest_update(self.wire, self.welcome.upload)

    def pull(self, **changes):
        fields = {"session": self.welcome.session, "round": self.round, **changes}
        return list(self.wire.stub.PullModel(self.wire.federation.PullRequest(**fields),
                                             timeout=CALL_SECONDS))

    def ask(self, **changes):
        fields = {"session": self.welcome.session, "round": self.round, **changes}
        return self.wire.stub.AskUpdate(self.wire.federation.UpdateQuery(**fields),
                                        timeout=CALL_SECONDS)
