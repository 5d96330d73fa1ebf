"""A client of a Tributary federation in one file: the protocol of docs/wire.md, with noise in place of training.

Exit codes: 0 done, 1 failed, 2 wrong use, 3 refused."""
import argparse, hashlib, itertools, pathlib, queue, sys, time

import grpc, xxhash, zstandard  # and grpcio-tools, which makes Python code of the proto files
import numpy as np

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
F32, F16, BF16, INT8_BLOCK, INT4_BLOCK, TOPK = range(1, 7)  # of the proto's Codec
WIDTH = {F32: 4, F16: 2, BF16: 2, INT8_BLOCK: 1, INT4_BLOCK: 1, TOPK: 2}  # bytes of an item in byte planes
NUMPY = {F32: "<f4", F16: "<f2"}
MOST_SLICE_VALUES, MOST_CHUNK_BYTES = 1 << 18, 2 << 20
CALL_SECONDS, MOST_LOSSES = 60, 20  # of a transfer, which then is resumed; sessions in a row without a delivery


def decode(piece):
    """The float32 values of a TensorSlice. ValueError, IndexError or ZstdError if it is damaged."""
    def bf16(part):
        return (np.frombuffer(part, "<u2").astype("<u4") << 16).view("<f4")
    codec, count, payload = piece.codec, piece.count, piece.payload
    if codec not in WIDTH or xxhash.xxh3_64_intdigest(payload) != piece.checksum:
        raise ValueError(f"codec {codec} is unknown, or a payload does not have its checksum")
    blocks = -(-count // {INT8_BLOCK: 256, INT4_BLOCK: 64}.get(codec, 1))
    size = {INT8_BLOCK: 4 * blocks + count, INT4_BLOCK: 2 * blocks + (count + 1) // 2,
            TOPK: 4 * count}.get(codec, WIDTH[codec] * count)  # of top-k: at most
    if piece.compressed:
        planes = zstandard.ZstdDecompressor().stream_reader(payload).read(size + 1)
        payload = np.frombuffer(planes, "u1").reshape(WIDTH[codec], -1).T.tobytes()
    if len(payload) > size or len(payload) < size and (codec != TOPK or len(payload) % 4):
        raise ValueError(f"a payload has {len(payload)} bytes, expected {size}")
    if codec in (F32, F16, BF16):
        values = bf16(payload) if codec == BF16 else np.frombuffer(payload, NUMPY[codec]).astype("<f4")
    elif codec == INT8_BLOCK:
        values = np.concatenate([np.frombuffer(payload[i:i + 4], "<f4") * np.frombuffer(payload[i + 4:i + 260], "i1")
                                 for i in range(0, size, 260)])
    elif codec == INT4_BLOCK:
        pairs = np.frombuffer(payload, "u1", offset=2 * blocks)
        codes = np.stack([pairs & 15, pairs >> 4], axis=1).ravel()[:count].astype("<f4")
        values = np.repeat(bf16(payload[:2 * blocks]), 64)[:count] * np.where(codes > 0, codes - 8, np.nan)
    else:
        half, values = len(payload) // 2, np.zeros(count, "<f4")
        values[np.cumsum(np.frombuffer(payload[:half], "<u2") + np.int64(1)) - 1] = bf16(payload[half:])
    if not np.isfinite(values).all():
        raise ValueError("a value is not finite, or a stored 4-bit code is 0")
    return values


def encode(tensors, codec, chunk_bytes, pb):
    """The chunks of an update, as messages, not packed. Vectors and scalars stay F32: they are few and delicate."""
    messages = [pb.PushMessage()]
    for index, tensor in enumerate(tensors):
        own = codec if tensor.ndim > 1 else F32
        step = min(chunk_bytes // WIDTH[own], MOST_SLICE_VALUES)
        for offset in range(0, tensor.size, step):
            payload = tensor.ravel()[offset:offset + step].astype(NUMPY[own]).tobytes()
            if sum(len(piece.payload) for piece in messages[-1].chunk.slices) >= chunk_bytes:
                messages.append(pb.PushMessage())
            messages[-1].chunk.slices.add(tensor=index, offset=offset, count=len(payload) // WIDTH[own], codec=own,
                                          payload=payload, checksum=xxhash.xxh3_64_intdigest(payload))
    for index, message in enumerate(messages):
        message.chunk.index, message.chunk.count = index, len(messages)
    return messages


def train(weights, manifest, task, name):
    """What the tensors of `manifest` are after training. YOURS GOES HERE: this adds noise, the same each time."""
    noise = np.random.default_rng([task.seed, task.round, *name.encode()])
    return [weights[spec.name] + np.float32(1e-3) * noise.standard_normal(spec.shape, np.float32)
            for spec in manifest.tensors]


class Client:
    def __init__(self, options, channel):
        sys.path.insert(0, str(PROTO))
        self.pb, services = grpc.protos_and_services("tributary/v1/federation.proto")
        self.stub, self.options = services.FederationStub(channel), options
        self.run_id, self.losses, self.delivered = "", 0, set()
        self.pulled, self.update = {}, {}  # by round: the chunks of its model so far, and of its finished update

    def outgoing(self, outbox):
        """What goes up on the Attend stream: what is put into the outbox, and else heartbeats."""
        for sequence in itertools.count(1):
            try:
                body = outbox.get(timeout=self.heartbeat)
            except queue.Empty:
                body = {"heartbeat": self.pb.Heartbeat()}
            yield self.pb.ClientMessage(sequence=sequence, **body)

    def attend(self):
        """One session. Returns the exit code; None: it is over, and the client should join again."""
        o, pb, outbox, self.heartbeat, seen = self.options, self.pb, queue.Queue(), 1, 0
        data = pb.DataCard(dataset=o.dataset, modality=f"MODALITY_{o.modality.upper()}", samples=o.samples,
                           classes=o.classes, image_size=o.image_size, image_channels=o.channels)
        outbox.put({"join": pb.Join(protocol=1, software_version="reference", client=o.name, data=data, device="cpu",
                                    run_id=self.run_id, vocabulary=o.vocabulary, codecs=list(WIDTH))})
        self.call = self.stub.Attend(self.outgoing(outbox))
        for message in self.call:
            kind = message.WhichOneof("body")
            if message.sequence <= seen or kind is None:
                continue  # a message for the second time, or one of a later version
            seen, body = message.sequence, getattr(message, kind)
            print(kind.replace("_", " "), getattr(body, "message", ""))
            if kind == "welcome":
                self.welcome, self.run_id, self.heartbeat = body, body.run_id, body.heartbeat_ms / 1000
                outbox.put({"ready": pb.Ready(upload=body.upload, held_rounds=list(self.update))})
            elif kind == "refusal":
                return None if body.retry else 3
            elif kind == "shutdown":
                return {pb.Shutdown.REASON_RUN_FINISHED: 0, pb.Shutdown.REASON_EVICTED: 3}.get(body.reason)
            elif kind == "task":
                task = {"round": body.round, "attempt": body.attempt}
                outbox.put({"task_accepted": pb.TaskAccepted(**task)})
                try:
                    self.work(body)
                except (ValueError, IndexError, zstandard.ZstdError) as error:
                    print(f"round {body.round}: {error}")
                    outbox.put({"task_failed": pb.TaskFailed(**task, message=str(error))})
                if 0 < o.rounds <= len(self.delivered):
                    outbox.put({"leave": pb.Leave(reason="as many rounds as were asked for")})
        return 0 if 0 < o.rounds <= len(self.delivered) else None

    def work(self, task):
        """Pulls, trains, delivers. Where that breaks off, the task is offered again, and this goes on from there."""
        pb, where, upload = self.pb, {"session": self.welcome.session, "round": task.round}, self.welcome.upload
        if task.round not in self.update:
            weights = self.pull(where)
            trained = train(weights, upload, task, self.options.name)
            deltas = [after - weights[spec.name] for after, spec in zip(trained, upload.tensors)]
            codec = F32 if task.upload_codec == F32 else F16  # the coordinator takes any that it knows
            self.update = {task.round: encode(deltas, codec, min(self.welcome.chunk_bytes, MOST_CHUNK_BYTES), pb)}
            self.begun = False
        chunks = self.update[task.round]
        state = self.stub.AskUpdate(pb.UpdateQuery(**where), timeout=CALL_SECONDS)
        while state.state == pb.UpdateState.STATE_WANTED:
            first = state.next_chunk if self.begun else 0  # what is held may be of an update from before a restart
            print(f"round {task.round}: pushing from chunk {first} of {len(chunks)} on")
            header = pb.PushHeader(**where, first_chunk=first, chunks=len(chunks), samples=self.options.samples,
                                   report=pb.TrainingReport(steps=1))
            time.sleep(0.2 if first == len(chunks) else 0)  # all is there and being verified: ask again
            self.begun = True
            state = self.stub.PushUpdate(iter([pb.PushMessage(header=header), *chunks[first:]]), timeout=CALL_SECONDS)
        print(f"round {task.round}: {pb.UpdateState.State.Name(state.state)} {state.message}")
        self.losses, self.update = 0, {} if state.state == pb.UpdateState.STATE_REFUSED else self.update
        self.delivered.add(task.round)

    def pull(self, where):
        """The weights of a round, by name. Chunks that came before a break are kept."""
        chunks, specs = self.pulled.setdefault(where["round"], []), self.welcome.download.tensors
        print(f"round {where['round']}: pulling from chunk {len(chunks)} on")
        for chunk in self.stub.PullModel(self.pb.PullRequest(**where, first_chunk=len(chunks)), timeout=CALL_SECONDS):
            if chunk.base_version != 0:
                raise ValueError("the coordinator sends differences, for which this client has not asked")
            if chunk.version != (chunks or [chunk])[0].version:  # other values than before the break: begin anew
                self.pulled.clear()
                return self.pull(where)
            chunks.append(chunk)
        self.pulled.clear()
        sizes, pieces = [int(np.prod(spec.shape)) for spec in specs], [p for chunk in chunks for p in chunk.slices]
        ends = np.cumsum(sizes)  # of the tensors, which the slices must cover once, in order
        begins = [ends[piece.tensor] - sizes[piece.tensor] + piece.offset for piece in pieces]
        if [*begins, ends[-1]] != np.cumsum([0, *(piece.count for piece in pieces)]).tolist():
            raise ValueError("the slices do not cover the model once, in order")
        values = np.split(np.concatenate([decode(piece) for piece in pieces]), ends[:-1])
        return {spec.name: part.reshape(spec.shape) for spec, part in zip(specs, values)}


def main():
    parser = argparse.ArgumentParser(description="Takes part in a federation, with noise in place of training.")
    for flag in ("--server", "--name", "--dataset"):
        parser.add_argument(flag, required=True)
    parser.add_argument("--modality", required=True, choices=["image", "text", "pair"])
    for flag in ("--samples", "--classes", "--image-size", "--channels", "--rounds"):
        parser.add_argument(flag, type=int, default=0)
    for flag in ("--vocabulary", "--tls-ca", "--tls-key", "--tls-cert"):
        parser.add_argument(flag, type=argparse.FileType("rb"))
    options = parser.parse_args()
    options.vocabulary = options.vocabulary and hashlib.sha256(options.vocabulary.read()).hexdigest()
    tls = [file.read() for file in (options.tls_ca, options.tls_key, options.tls_cert) if file]
    if len(tls) not in (0, 3):
        parser.error("--tls-ca, --tls-key and --tls-cert belong together")
    credentials = grpc.ssl_channel_credentials(*tls) if tls else grpc.local_channel_credentials()  # loopback alone
    client = Client(options, grpc.secure_channel(options.server, credentials, [("grpc.keepalive_time_ms", 20000)]))
    code = None
    while code is None and client.losses < MOST_LOSSES:
        time.sleep(min(0.25 * (2 ** client.losses - 1), 15))
        client.losses += 1
        try:
            code = client.attend()
        except grpc.RpcError as error:
            print(f"{error.code().name}: {error.details()}")
        client.call.cancel()
    return 1 if code is None else code


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    sys.exit(main())
