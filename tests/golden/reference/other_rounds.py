"""The folders of other vectors in which optimizer steps are taken: complementary_step, local_rounds, creamfl_round.

A step of Adam divides by the gradient's size, so values whose gradient is rounding noise are not comparable
(tests/golden/data/README.md). Everything is computed in float64 and in float32: what these do not agree on is left out.
"""
import pathlib

import numpy as np

import training
from aggregation import aggregate
from autograd import Var, concat, cross_entropy
from files import write_json, write_tensors
from model import Model, Spec, initial_state
from other_vectors import KINDS, SPEC, samples, unit_rows

APART = 2e-5  # of float32 from float64: a twenty-fifth of what the tests allow
NOISE = 1e-6  # smaller gradients are noise


class Watch:
    """The smallest size that each value's gradient had."""

    def __init__(self):
        self.least: dict[str, np.ndarray] = {}

    def __call__(self, parameters: dict[str, Var]) -> None:
        for name, variable in parameters.items():
            if variable.grad is not None:
                size = np.abs(variable.grad)
                size = np.where(size == 0, np.inf, size)  # nothing moves, exactly
                self.least[name] = np.minimum(self.least.get(name, size), size)


def left_out(exact: dict[str, np.ndarray], rounded: dict[str, np.ndarray], watch: Watch) -> dict[str, list[int]]:
    places = {}
    for name, values in exact.items():
        apart = np.abs(values - rounded[name]) > APART
        noisy = watch.least.get(name, np.full(values.shape, np.inf)) < NOISE
        if (apart | noisy).any():
            places[name] = np.flatnonzero(apart | noisy).tolist()
    count, whole = sum(map(len, places.values())), sum(values.size for values in exact.values())
    assert count < whole / 2, f"{count} of {whole} values left out"
    return places


# complementary_step

def steps_of(case: dict, state: dict, io: dict, dtype) -> dict[str, dict[str, np.ndarray]]:
    """`grads`, `after1` to `after4`, `upload`, and `logits` and `loss` of the first step."""
    model = Model(SPEC, case["kind"], state, dtype)
    optimizer = training.AdamW(training.trained(model, case["aux_trained"]), case["lr"], case["weight_decay"])
    result = {}
    for step in range(1, 5):
        optimizer.zero()
        logits = model.logits(model.token(io["input"]))
        loss = cross_entropy(logits, io["target"])
        loss.backward()
        if step == 1:
            result["first"] = {"logits": logits.value, "loss": loss.value.reshape(1)}
            result["grads"] = {name: var.grad for name, var in optimizer.parameters.items()}
        optimizer.step()
        if step % 2 == 0:
            result[f"after{step}"] = dict(model.state())
    return result | {"upload": model.merged()}


def comparable(exact: dict, rounded: dict) -> bool:
    """Float32 stays within a tenth of what the test allows, wherever it compares."""
    for part in ("after2", "after4", "upload"):
        for name, values in exact[part].items():
            gradient = exact["grads"].get(name)
            if gradient is None:
                continue
            apart = np.where(np.abs(gradient) >= NOISE, np.abs(values - rounded[part][name]), 0)
            if name.endswith("attn.qkv.bias"):
                third = len(apart) // 3
                apart[third:2 * third] = 0
            if apart.max() > 5e-6:
                return False
    return True


def write_complementary_step(folder: pathlib.Path, rng) -> None:
    cases = []
    for kind, layers, aux_trained, gate, rate, decay in (
            ("img", "all", True, 0.0, 3e-3, 0.02), ("txt", "attn", False, 0.7, 1e-3, 0),
            ("img", "mlp", False, -0.2, 2e-3, 0.1), ("txt", "all", True, 0.25, 5e-4, 0)):
        case = {"name": f"{kind}-{layers}-{gate}", "kind": kind, "layers": layers, "aux_trained": aux_trained,
                "gate_init": gate, "lr": rate, "weight_decay": decay, "betas": [0.9, 0.999], "eps": 1e-08}
        for _ in range(20):
            state = initial_state(rng, SPEC, kind, layers, gate)
            io = samples(rng, kind, 5)
            exact, rounded = (steps_of(case, state, io, kind_of) for kind_of in (np.float64, np.float32))
            if comparable(exact, rounded):
                break
        else:
            raise RuntimeError(f"no draw of {case['name']} is comparable")
        stem = folder / "complementary_step"
        write_tensors(stem / f"{case['name']}.init.safetensors", state)
        write_tensors(stem / f"{case['name']}.io.safetensors", io | exact["first"])
        for part in ("grads", "after2", "after4", "upload"):
            write_tensors(stem / f"{case['name']}.{part}.safetensors", exact[part])
        cases.append(case)
    write_json(folder / "complementary_step/cases.json", cases)


# local_rounds

def rounds_of(case: dict, state: dict, data: dict, dtype, watch: Watch) -> list[dict[str, np.ndarray]]:
    """The upload of each round; the next starts from it, with closed gates and the same auxiliary weights."""
    uploads = []
    for number in range(case["rounds"]):
        rate = case["lr0"] * case["decay"] ** (number // case.get("every", 1))
        model = Model(SPEC, case["kind"], state, dtype)
        training.train_round(model, data, case, rate, watch=watch)
        uploads.append(model.merged())
        state = {name: uploads[-1].get(name, 0 * values if name.endswith("cross_modal_scale") else values)
                 for name, values in state.items()}
    return uploads


def write_local_rounds(folder: pathlib.Path, rng) -> None:
    common = {"samples": 7, "batch": 4, "epochs": 1, "rounds": 3, "lr0": 2e-3, "decay": 0.5, "weight_decay": 0}
    cases = [common | case for case in (
        {"name": "sentences", "kind": "txt", "epochs": 3, "rounds": 1, "weight_decay": 0.05},
        {"name": "both", "kind": "pair", "samples": 5, "batch": 2, "rounds": 2},
        {"name": "complementary", "kind": "txt", "aux_layers": "mlp", "aux_trained": False, "rounds": 1,
         "epochs": 3, "lr0": 1e-2},
        {"name": "near.release", "kind": "txt", "mu": 0.3, "prox": "release", "rounds": 1},
        {"name": "near", "kind": "img", "mu": 0.8, "prox": "paper", "rounds": 2, "epochs": 2, "lr0": 5e-3},
        {"name": "short", "kind": "pair", "samples": 4, "batch": 2, "epochs": 2, "rounds": 1, "lr0": 1e-2,
         "max_grad_norm": 2.5},
        {"name": "pictures", "kind": "img", "every": 2})]
    places = {}
    for case in cases:
        layers = case.get("aux_layers", "none")
        state = initial_state(rng, SPEC, case["kind"], layers)
        data = samples(rng, case["kind"], case["samples"])
        watch = Watch()
        exact, rounded = (rounds_of(case, state, data, kind, watch) for kind in (np.float64, np.float32))
        stem = folder / "local_rounds"
        write_tensors(stem / f"{case['name']}.global0.safetensors",
                      {name: values for name, values in state.items() if not name.endswith("cross_modal_scale")})
        write_tensors(stem / f"{case['name']}.data.safetensors", data)
        for number, upload in enumerate(exact):
            name = f"{case['name']}.upload{number + 1}"
            write_tensors(stem / f"{name}.safetensors", upload)
            places[name] = left_out(upload, rounded[number], watch)
    write_json(folder / "local_rounds/cases.json", cases)
    write_json(folder / "local_rounds/left_out.json", places)


# creamfl_round

CASE = {"public": 7, "public_batch": 3, "kd_weight": 2.0, "p_lr": 2e-2, "p_weight_decay": 0.01,
        "clip_grad_norm": 2, "interintra_weight": 0.3, "temperature": 0.4, "lr": 2e-3, "epochs": 1, "batch": 4,
        "clients": [
            {"id": 20, "modality": "img", "dataset": "photos", "samples": 9, "contrastive": True},
            {"id": 3, "modality": "img", "dataset": "photos", "samples": 70, "contrastive": True},
            {"id": 101, "modality": "img+txt", "dataset": "a.pairs", "samples": 12, "contrastive": False},
            {"id": 8, "modality": "txt", "dataset": "words", "samples": 33, "contrastive": True},
            {"id": 11, "modality": "img+txt", "dataset": "a.pairs", "samples": 50, "contrastive": True}]}
SIDES = {"img": ["image"], "txt": ["text"], "img+txt": ["image", "text"]}


def represent(model: Model, public: dict) -> dict[str, np.ndarray]:
    sides = SIDES[{kind: name for name, kind in KINDS.items()}[model.kind]]
    return {side: training.features(model, public, side).value for side in sides}


def whole_round(before: dict, data: dict, public: dict, dtype, watches: dict[str, Watch]) -> dict[str, dict]:
    """File -> tensors."""
    pair = next(client["dataset"] for client in CASE["clients"] if client["modality"] == "img+txt")
    shared = represent(Model(SPEC, "pair", before[pair], dtype), public)
    files, uploads, merged = {"public_features": shared}, {}, {}
    features = {"image": [], "text": []}
    for client in CASE["clients"]:
        name = f"upload.{client['id']}"
        watch = watches.setdefault(name, Watch())
        model = Model(SPEC, KINDS[client["modality"]], before[client["dataset"]], dtype)
        old = represent(model, public)
        after_epoch = None
        if client["contrastive"]:
            after_epoch = lambda optimizer: training.public_pass(model, optimizer, public, shared, old, CASE, watch)
        training.train_round(model, data[client["id"]], CASE, CASE["lr"], after_epoch, watch)
        uploads[client["id"]] = files[name] = model.merged()
        if client["modality"] != "img+txt":
            made = next(iter(represent(model, public).values()))
            files[f"uploaded_features.{client['id']}"] = {"feature": made}
            features[SIDES[client["modality"]][0]].append(made)
    for side, other in (("image", "text"), ("text", "image")):
        merged[side] = training.ensemble(features[side], shared[other])
    files["aggregated_features"] = merged
    for dataset, state in before.items():
        cohort = [client for client in CASE["clients"] if client["dataset"] == dataset]
        rule = "paper" if dataset == pair else "release"
        target = {"name": dataset, "modality": cohort[0]["modality"]}
        case = {"rule": rule, "share": "none", "scope": "dataset", "compensation": False}
        after, _ = aggregate(target, state, uploads, cohort, case)
        watch = watches.setdefault(f"after.{dataset}", Watch())
        for client in cohort:  # noise of the uploads goes on
            for name, least in watches[f"upload.{client['id']}"].least.items():
                watch.least[name] = np.minimum(watch.least.get(name, least), least)
        if dataset == pair:
            model = Model(SPEC, "pair", after, dtype)
            training.distil(model, public, merged, CASE, watch)
            after = model.merged()
        files[f"after.{dataset}"] = after
    return files


def write_pair_local(folder: pathlib.Path, rng) -> None:
    count, dim, rows = 9, 6, rng.permutation(9)[:4]
    tensors = {"batch_index": rows}
    for name in ("global_image", "global_text"):
        tensors[name] = unit_rows(rng, count, dim)
    for name in ("old_image", "old_text", "image", "text"):
        tensors[name] = unit_rows(rng, len(rows), dim)
    made = {side: Var(tensors[side].astype(np.float64)) for side in ("image", "text")}
    inter = {side: training.inter_loss(made[side], rows, tensors[f"global_{other}"], CASE["temperature"])
             for side, other in (("image", "text"), ("text", "image"))}
    intra = training.intra_loss(concat(list(made.values())),
                                np.concatenate([tensors[f"global_{side}"][rows] for side in made]),
                                np.concatenate([tensors[f"old_{side}"] for side in made]), CASE["temperature"])
    (inter["image"] + inter["text"] + intra).backward()
    for side in made:
        tensors |= {f"loss_inter_{side}": inter[side].value.reshape(1), f"grad_{side}": made[side].grad}
    write_tensors(folder / "creamfl_round/pair_local.safetensors", tensors | {"loss_intra": intra.value.reshape(1)})


def write_creamfl_round(folder: pathlib.Path, rng) -> None:
    before = {client["dataset"]: initial_state(rng, SPEC, KINDS[client["modality"]]) for client in CASE["clients"]}
    data = {client["id"]: samples(rng, KINDS[client["modality"]], 6) for client in CASE["clients"]}
    public, watches = samples(rng, "pair", CASE["public"]), {}
    exact, rounded = (whole_round(before, data, public, kind, watches) for kind in (np.float64, np.float32))
    stem = folder / "creamfl_round"
    for name, state in before.items():
        write_tensors(stem / f"before.{name}.safetensors", state)
    for client, tensors in data.items():
        write_tensors(stem / f"data.{client}.safetensors", tensors)
    write_tensors(stem / "public.safetensors", public)
    for name, tensors in exact.items():
        write_tensors(stem / f"{name}.safetensors", tensors)
    write_json(stem / "left_out.json", {name: left_out(exact[name], rounded[name], watch)
                                        for name, watch in watches.items()})
    write_json(stem / "case.json", CASE)
    write_pair_local(folder, rng)
