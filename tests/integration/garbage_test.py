"""A real federation with two honest clients and one that sends garbage.

Each kind of garbage must be refused with a message that says what is wrong, and the run must go on
with the honest clients to its end. The last update of the liar is an honest one and is accepted:
what was refused before was refused for its one change.

Programs: $TRIBUTARY_BIN, else build/release/bin.
"""

import json
import os
import pathlib
import queue
import random
import re
import shutil
import struct
import subprocess
import tempfile
import threading
import unittest

import grpc
import zstandard

import garbage_client as garbage

BIN = pathlib.Path(os.environ.get("TRIBUTARY_BIN", garbage.SOURCE / "build/release/bin"))
DATASET = "wordnet-glosses"
CLASSES = 26
HONEST = ["honest-0", "honest-1"]
LIAR = "liar"
ROUNDS = 24  # at least one for each test that calls spoiled_round()

RUN_FILE = """
name = "garbage"
method = "fedavg"
seed = 7
rounds = {rounds}

[[datasets]]
name = "wordnet-glosses"
modality = "text"
clients = 3
path = "{data}"

[model]
dim = 8
depth = 1
heads = 2
patch = 8
image_size = 32
max_tokens = 8

[local]
epochs = 1
batch = 32
learning_rate = 1e-3

[round]
fraction = 1.0
quorum = 0.5
deadline = "2m"
join_timeout = "1m"

[wire]
heartbeat = "500ms"
liveness = "30s"

[evaluation]
every = 1000
"""


def write_dictionary(folder):
    """A made-up WordNet: 26 kinds of nouns with 12 glosses each."""
    words = ["red", "green", "small", "large", "old", "new", "round", "sharp", "wooden", "living"]
    stream = random.Random(3)
    lines = []
    for kind in range(3, 29):
        for number in range(12):
            gloss = " ".join(stream.sample(words, 4)) + f" thing of kind {kind} number {number}"
            lines.append(f"{len(lines):08d} {kind:02d} n 01 word 0 000 | {gloss}")
    place = folder / "usr/share/wordnet"
    place.mkdir(parents=True)
    (place / "data.noun").write_text("\n".join(lines) + "\n")


class Federation:
    """Coordinator and honest clients, as processes on the loopback."""

    def __init__(self, folder):
        self.folder = folder
        write_dictionary(folder / "source")
        shards = folder / "data"
        subprocess.run([BIN / "tributary", "prepare", "--dataset", DATASET, "--source",
                        folder / "source", "--out", shards, "--clients", "2"],
                       check=True, stdout=subprocess.DEVNULL)
        (folder / "run.toml").write_text(RUN_FILE.format(rounds=ROUNDS, data=shards))
        self.events = []
        self.ended = False  # no more events will come
        self.clients = []
        self.changed = threading.Condition()
        self.server = subprocess.Popen(
            [BIN / "tributary-server", "--run", folder / "run.toml", "--state", folder / "state",
             "--listen", "127.0.0.1:0", "--json"],
            stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.address = self.await_event("listening")["data"]["address"]
        except AssertionError:
            self.kill()
            raise
        self.clients = [self._start_client(i, name, shards) for i, name in enumerate(HONEST)]

    def _start_client(self, index, name, shards):
        log = open(self.folder / f"{name}.log", "w")
        return subprocess.Popen(
            [BIN / "tributary-client", "--server", self.address, "--data",
             shards / f"client-{index:02d}", "--state", self.folder / name, "--name", name,
             "--device", "cpu", "--threads", "1", "--json"], stderr=log)

    def _read(self):
        for line in self.server.stdout:
            event = json.loads(line)
            if event["kind"] == "progress":
                continue
            with self.changed:
                self.events.append(event)
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def of_kind(self, kind):
        with self.changed:
            return [event for event in self.events if event["kind"] == kind]

    def await_event(self, kind, matches=lambda event: True):
        def found():
            return [e for e in self.events if e["kind"] == kind and matches(e)]
        with self.changed:
            self.changed.wait_for(lambda: found() or self.ended, timeout=60)
            if not found():
                raise AssertionError(f"no event {kind}; the last were {self.events[-5:]}")
            return found()[0]

    def kill(self):
        for process in [*self.clients, self.server]:
            process.kill()
            process.wait()


class GarbageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="garbage_test."))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.federation = Federation(cls.folder)
        cls.addClassCleanup(cls.federation.kill)
        stubs = cls.folder / "stubs"
        stubs.mkdir()
        cls.wire = garbage.Wire(cls.federation.address, stubs)
        for name in HONEST:
            cls.federation.await_event("client_joined", lambda e: e["data"]["client"] == name)
        cls.liar = garbage.Liar(cls.wire, LIAR, DATASET, CLASSES)

    def tearDown(self):
        self.liar.give_up()  # a round that a failed test left open
        self.assertIsNone(self.federation.server.poll(), "the coordinator has ended")
        for client in self.federation.clients:
            self.assertIsNone(client.poll(), "an honest client has ended")

    # Joining.

    def refusal(self, join=None, **first):
        """The refusal that a first message meets."""
        attendance = garbage.Attendance(self.wire)
        attendance.say(**({"join": join} if join is not None else first))
        refusal = attendance.hear("refusal")
        attendance.end()
        self.assertIsNotNone(refusal, "no refusal")
        self.assertTrue(refusal.message)
        return refusal

    def honest_join(self, name="newcomer"):
        return garbage.honest_join(self.wire, name, DATASET, CLASSES)

    def test_join_of_another_protocol(self):
        join = self.honest_join()
        join.protocol = 99
        refusal = self.refusal(join)
        self.assertEqual(refusal.reason, refusal.REASON_PROTOCOL)
        self.assertIn("99", refusal.message)

    def test_join_under_a_name_that_is_a_path(self):
        refusal = self.refusal(self.honest_join("../../etc"))
        self.assertEqual(refusal.reason, refusal.REASON_NAME)

    def test_join_under_the_name_of_another(self):
        refusal = self.refusal(self.honest_join(HONEST[0]))
        self.assertEqual(refusal.reason, refusal.REASON_NAME)
        self.assertIn(HONEST[0], refusal.message)

    def test_join_of_another_run(self):
        join = self.honest_join()
        join.run_id = "another"
        refusal = self.refusal(join)
        self.assertEqual(refusal.reason, refusal.REASON_RUN)
        self.assertIn("another", refusal.message)

    def test_join_with_data_that_do_not_fit(self):
        changes = {"stamps": lambda data: setattr(data, "dataset", "stamps"),
                   "modality": lambda data: setattr(data, "modality", 1),
                   "27": lambda data: setattr(data, "classes", 27),
                   "no training samples": lambda data: setattr(data, "samples", 0)}
        for word, change in changes.items():
            with self.subTest(word):
                join = self.honest_join()
                change(join.data)
                refusal = self.refusal(join)
                self.assertEqual(refusal.reason, refusal.REASON_DATA)
                self.assertIn(word, refusal.message)

    def test_join_with_another_vocabulary(self):
        join = self.honest_join()
        join.vocabulary = "0" * 64
        self.assertIn("vocabulary", self.refusal(join).message)

    def test_join_without_codecs(self):
        join = self.honest_join()
        del join.codecs[:]
        self.assertIn("codec", self.refusal(join).message)

    def test_first_message_is_no_join(self):
        refusal = self.refusal(heartbeat=self.wire.federation.Heartbeat())
        self.assertIn("Join", refusal.message)

    def test_ready_with_other_tensors(self):
        def shape(manifest):
            manifest.tensors[0].shape[0] += 1

        def name(manifest):
            manifest.tensors[0].name = "w"

        def digest(manifest):
            manifest.digest = "0"

        def nothing(manifest):
            del manifest.tensors[:]

        def enormous(manifest):
            manifest.tensors[0].shape[0] = 1 << 62

        for change in (shape, name, digest, nothing, enormous):
            with self.subTest(change.__name__):
                attendance, welcome = self.attend_under_the_same_name()
                manifest = welcome.upload
                change(manifest)
                attendance.say(ready=self.wire.federation.Ready(upload=manifest))
                refusal = attendance.hear("refusal")
                attendance.end()
                self.assertIsNotNone(refusal, "no refusal")
                self.assertEqual(refusal.reason, refusal.REASON_MANIFEST)
                self.assertIn("newcomer", refusal.message)

    def attend_under_the_same_name(self):
        """Joins; again while the coordinator has not yet seen the end of the stream before."""
        for _ in range(100):
            attendance = garbage.Attendance(self.wire)
            attendance.say(join=self.honest_join())
            welcome = attendance.hear("welcome")
            if welcome is not None:
                return attendance, welcome
            attendance.end()
        self.fail("never welcome")

    # Bytes that are no messages.

    def assert_rpc_error(self, call, *codes):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        self.assertIn(caught.exception.code(), codes, caught.exception)
        # What gRPC itself answers to a request that it cannot parse comes without words.
        if caught.exception.code() != grpc.StatusCode.UNIMPLEMENTED:
            self.assertTrue(caught.exception.details())

    def test_random_bytes(self):
        stream = random.Random(11)
        noise = [bytes(stream.randrange(256) for _ in range(size)) for size in (1, 7, 100, 5000)]
        broken = (grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT,
                  grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNIMPLEMENTED)
        for payload in noise:
            wire = self.wire
            self.assert_rpc_error(
                lambda: wire.raw("AskUpdate", "unary_unary")(payload, timeout=60), *broken)
            self.assert_rpc_error(
                lambda: list(wire.raw("PullModel", "unary_stream")(payload, timeout=60)), *broken)
            self.assert_rpc_error(
                lambda: wire.raw("PushUpdate", "stream_unary")(iter([payload]), timeout=60),
                *broken)
            # Attend may end with an error or without: it must end.
            try:
                list(wire.raw("Attend", "stream_stream")(iter([payload]), timeout=60))
            except grpc.RpcError as error:
                self.assertNotEqual(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)

    def test_message_larger_than_any_chunk(self):
        payload = bytes(8 << 20)
        self.assert_rpc_error(
            lambda: self.wire.raw("PushUpdate", "stream_unary")(iter([payload]), timeout=60),
            grpc.StatusCode.RESOURCE_EXHAUSTED)

    # Calls that do not belong.

    def test_unknown_session(self):
        denied = grpc.StatusCode.UNAUTHENTICATED
        self.assert_rpc_error(lambda: self.liar.pull(session="no such session"), denied)
        self.assert_rpc_error(lambda: self.liar.ask(session=""), denied)
        self.assert_rpc_error(lambda: self.liar.push([], session="no such session"), denied)

    # Updates: each costs the liar a round.

    def spoiled_round(self, spoil, reason):
        """Takes the next task, pushes an honest update changed by `spoil`; it must be refused."""
        self.liar.next_task()
        chunks = self.liar.update()
        spoil(chunks)
        state = self.liar.push(chunks)
        self.assertEqual(state.state, state.STATE_REFUSED, state)
        self.assertRegex(state.message, reason)
        again = self.liar.ask()  # late, if the round is closed by now
        self.assertIn(again.state, (again.STATE_REFUSED, again.STATE_LATE))
        event = self.federation.await_event(
            "update_refused", lambda e: e["data"]["round"] == self.liar.round)
        self.assertEqual(event["data"]["client"], LIAR)
        self.assertRegex(event["data"]["reason"], reason)
        committed = self.federation.await_event(
            "round_committed", lambda e: e["data"]["round"] == self.liar.round)
        self.assertEqual(committed["data"]["clients"], len(HONEST))

    def name_of(self, piece):
        return re.escape(self.liar.welcome.upload.tensors[piece.tensor].name)

    def test_update_with_a_wrong_checksum(self):
        def spoil(chunks):
            chunks[-1].slices[0].checksum ^= 1
        self.spoiled_round(spoil, "checksum")

    def test_update_with_a_flipped_byte(self):
        def spoil(chunks):
            piece = chunks[0].slices[0]
            payload = bytearray(piece.payload)
            payload[len(payload) // 2] ^= 0x10
            piece.payload = bytes(payload)
        self.spoiled_round(spoil, "checksum")

    def test_update_of_a_tensor_that_is_not_there(self):
        def spoil(chunks):
            chunks[-1].slices[-1].tensor = 1 << 30
        self.spoiled_round(spoil, "tensor")

    def test_update_with_a_lying_count(self):
        def spoil(chunks):
            chunks[0].slices[0].count += 1
        self.spoiled_round(spoil, self.name_of(self.liar.update()[0].slices[0]))

    def test_update_with_an_enormous_count(self):
        def spoil(chunks):
            chunks[0].slices[0].count = (1 << 32) - 1
        self.spoiled_round(spoil, "tensor")

    def test_update_with_an_offset_elsewhere(self):
        def spoil(chunks):
            chunks[-1].slices[-1].offset = (1 << 64) - 1
        self.spoiled_round(spoil, "tensor")

    def number_round(self, bits, reason):
        def spoil(chunks):
            piece = chunks[-1].slices[-1]
            piece.payload = piece.payload[:-4] + bits
            garbage.reseal(piece)
        self.spoiled_round(spoil, reason)

    def test_update_with_nan(self):
        self.number_round(struct.pack("<f", float("nan")), "(?i)nan|finite")

    def test_update_with_infinity(self):
        self.number_round(struct.pack("<f", float("-inf")), "(?i)inf|finite")

    def test_update_with_a_number_out_of_all_proportion(self):
        self.number_round(struct.pack("<f", 1e30), "magnitude")

    def compressed(self, piece, payload):
        piece.compressed = True
        piece.payload = payload
        garbage.reseal(piece)

    def test_update_with_truncated_zstd(self):
        def spoil(chunks):
            piece = chunks[0].slices[0]
            self.compressed(piece, zstandard.compress(piece.payload)[:-6])
        self.spoiled_round(spoil, "tensor")

    def test_update_with_random_bytes_as_zstd(self):
        def spoil(chunks):
            self.compressed(chunks[0].slices[0], random.Random(5).randbytes(1000))
        self.spoiled_round(spoil, "tensor")

    def test_update_that_unpacks_to_a_gigabyte(self):
        def spoil(chunks):
            packer = zstandard.ZstdCompressor(level=1).compressobj()
            bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1024)) + packer.flush()
            self.compressed(chunks[0].slices[0], bomb)
        self.spoiled_round(spoil, "tensor")

    def test_update_with_an_unknown_codec(self):
        def spoil(chunks):
            chunks[0].slices[0].codec = 14
        self.spoiled_round(spoil, "codec")

    def test_update_with_chunks_in_another_order(self):
        def spoil(chunks):
            chunks[0], chunks[1] = chunks[1], chunks[0]
        self.spoiled_round(spoil, "chunk")

    def test_update_with_slices_in_another_order(self):
        def spoil(chunks):
            first, second = chunks[0].slices[0], chunks[0].slices[1]
            copy = type(first)()
            copy.CopyFrom(first)
            first.CopyFrom(second)
            second.CopyFrom(copy)
        self.spoiled_round(spoil, "tensor")

    def test_update_with_a_slice_twice(self):
        def spoil(chunks):
            chunks[0].slices.append(chunks[0].slices[0])
        self.spoiled_round(spoil, "tensor")

    def test_update_that_ends_early(self):
        def spoil(chunks):
            chunks.pop()
            for chunk in chunks:
                chunk.count -= 1
        self.spoiled_round(spoil, "(?i)tensor|incomplete|ends|complete")

    def test_update_with_more_than_the_model(self):
        def spoil(chunks):
            extra = type(chunks[0])()
            extra.CopyFrom(chunks[-1])
            chunks.append(extra)
            for index, chunk in enumerate(chunks):
                chunk.index, chunk.count = index, len(chunks)
        self.spoiled_round(spoil, "tensor|chunk")

    def test_update_with_a_chunk_of_nothing(self):
        def spoil(chunks):
            del chunks[0].slices[:]
        self.spoiled_round(spoil, "chunk|tensor")

    def test_pushes_that_break_the_contract_and_then_an_honest_one(self):
        self.liar.next_task()
        message = self.wire.federation.PushMessage
        chunks = self.liar.update()
        header = message(header=self.liar.header(chunks=len(chunks)))
        wrong_use = grpc.StatusCode.INVALID_ARGUMENT
        push = self.liar.push_messages
        self.assert_rpc_error(lambda: push([]), wrong_use)
        self.assert_rpc_error(lambda: push([message(chunk=chunks[0])]), wrong_use)
        self.assert_rpc_error(lambda: push([message()]), wrong_use)
        self.assert_rpc_error(lambda: push([header, header]), wrong_use)
        self.assert_rpc_error(lambda: self.liar.push(chunks, chunks=1), wrong_use)
        self.assert_rpc_error(lambda: self.liar.pull(first_chunk=1 << 31),
                              grpc.StatusCode.OUT_OF_RANGE)
        self.assert_rpc_error(lambda: self.liar.pull(round=self.liar.round + 7),
                              grpc.StatusCode.FAILED_PRECONDITION)

        late = self.liar.push(chunks, round=self.liar.round + 7)
        self.assertEqual(late.state, late.STATE_LATE)
        self.assertIn("not under way", late.message)
        gap = self.liar.push(chunks[2:], first_chunk=2, chunks=len(chunks))
        self.assertEqual(gap.state, gap.STATE_WANTED)

        self.assertEqual(self.liar.ask().state, late.STATE_WANTED)
        state = self.liar.push(chunks)
        self.assertEqual(state.state, state.STATE_ACCEPTED, state)
        repeated = self.liar.push(chunks)
        self.assertIn(repeated.state, (repeated.STATE_ACCEPTED, repeated.STATE_LATE))

    def test_upload_without_end_does_not_fill_the_coordinators_disk(self):
        self.liar.next_task()
        message = self.wire.federation.PushMessage
        chunk = self.liar.update()[0]
        flood = [message(header=self.liar.header(chunks=(1 << 32) - 1))]
        flood += [message(chunk=chunk)] * 100  # some hundred MB for a model of 1 MB
        try:
            state = self.liar.push_messages(flood)
        except grpc.RpcError as error:
            self.assertEqual(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
        else:
            self.assertEqual(state.state, state.STATE_REFUSED, "all of it is kept")

    def test_zz_the_run_ends_as_if_nothing_had_happened(self):
        while len(self.federation.of_kind("round_committed")) < ROUNDS:
            if self.liar.round == ROUNDS:
                break
            self.liar.next_task()
            state = self.liar.push(self.liar.update())
            self.assertEqual(state.state, state.STATE_ACCEPTED, state)
        shutdown = self.liar.attendance.hear("shutdown")
        self.assertEqual(shutdown.reason, shutdown.REASON_RUN_FINISHED)
        self.federation.await_event("run_finished")
        result = json.loads((self.folder / "state/result.json").read_text())
        self.assertEqual(result["rounds"], ROUNDS)
        for process in [self.federation.server, *self.federation.clients]:
            self.assertEqual(process.wait(timeout=60), 0)
        type(self).tearDown = lambda self: None


if __name__ == "__main__":
    unittest.main(verbosity=2)
