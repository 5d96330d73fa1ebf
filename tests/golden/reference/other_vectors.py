"""Golden folders with other sizes, seeds, names and numbers of cases than those of tests/golden/data.

Each function writes one or two; every value comes out of the numpy reference beside this file, in float64. Those in
which optimizer steps are taken are in other_rounds.py.
"""
import json
import math
import pathlib

import numpy as np
from PIL import Image

import retrieval
import sampling
import training
from aggregation import aggregate, refresh
from autograd import Var
from files import write_json, write_tensors
from model import BLOCK_EPS, FINAL_EPS, MLP_RATIO, TEXT_EPS, Model, Spec, initial_state, normalised, shapes_of

SPEC = Spec()
KINDS = {"img": "img", "txt": "txt", "img+txt": "pair"}


def unit_rows(rng, *shape) -> np.ndarray:
    rows = rng.normal(size=shape)
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def images(rng, count: int, channels: int = 3) -> np.ndarray:
    return rng.normal(0, 0.7, (count, channels, SPEC.image_size, SPEC.image_size)).astype(np.float32)


def tokens(rng, count: int, length: int = SPEC.max_tokens) -> np.ndarray:
    rows = rng.integers(1, SPEC.vocab, (count, length))
    for row in rows:
        row[rng.integers(2, length + 1):] = 0
    return rows


def samples(rng, kind: str, count: int) -> dict[str, np.ndarray]:
    if kind == "pair":
        return {"image": images(rng, count), "tokens": tokens(rng, count)}
    classes = SPEC.image_classes if kind == "img" else SPEC.text_classes
    inputs = images(rng, count) if kind == "img" else tokens(rng, count)
    return {"input": inputs, "target": rng.integers(0, classes, count)}


# Metrics, schedule, sampling.

def write_retrieval(folder: pathlib.Path, rng) -> None:
    count, captions, folds, size, dim = 59, 3, 4, 13, 11  # 7 images are in no fold
    pictures = unit_rows(rng, count, dim)
    image_of_text = np.repeat(np.arange(count), captions)
    noise = rng.normal(0, 0.45, (len(image_of_text), dim))
    texts = pictures[image_of_text] + noise
    texts = (texts / np.linalg.norm(texts, axis=1, keepdims=True)).astype(np.float32)
    order = rng.permutation(len(texts))
    for name in ("retrieval_metrics", "retrieval_shuffled"):
        gallery = pictures, texts, image_of_text
        tensors = dict(zip(("image_embedding", "text_embedding", "image_of_text"), gallery))
        if name == "retrieval_shuffled":
            tensors["order"] = order
            gallery = retrieval.reordered(*gallery, order)
        full = retrieval.evaluate(*gallery)
        case = {"images": count, "captions_per_image": captions, "folds": folds, "images_per_fold": size,
                "full": full, "n_fold": retrieval.evaluate_folds(*gallery, folds, size)}
        if name == "retrieval_metrics":
            case["r1_sum_full"] = full["i2t"]["recall_1"] + full["t2i"]["recall_1"]
        write_tensors(folder / name / "io.safetensors", tensors)
        write_json(folder / name / "case.json", case)


def write_schedule(folder: pathlib.Path, rng) -> None:
    write_json(folder / "schedule/case.json", {
        "lr0": 3e-3, "decay": 0.83, "every": 3, "lr_of_round": sampling.rates(3e-3, 0.83, 3, 23),
        "optimizer": "AdamW", "weight_decay": 0, "betas": [0.9, 0.999], "eps": 1e-08,
        "optimizer_state": "created anew each round"})


def write_sampling(folder: pathlib.Path, rng) -> None:
    pairs = [(clients, fraction) for clients in (2, 9, 31, 100, 1000) for fraction in (0.01, 0.29, 0.57, 1.0)]
    write_json(folder / "sampling/cases.json", [
        {"clients": clients, "fraction": fraction, "sampled": sampling.cohort_size(clients, fraction)}
        for clients, fraction in pairs])


def write_partition(folder: pathlib.Path, rng) -> None:
    cases = []
    for count, classes, clients, alpha in ((210, 3, 5, 0.2), (97, 7, 2, 1.5)):
        labels = rng.integers(0, classes, count).tolist()
        draws, hands = sampling.split_classes(rng, labels, classes, clients, alpha)
        cases.append({"kind": "class", "labels": labels, "classes": classes, "clients": clients,
                      "alpha": alpha, "samples": count, "draws": draws,
                      "result": {str(i): hand for i, hand in enumerate(hands)}})
    for pictures, captions, clients in ((71, 3, 4), (40, 1, 2)):
        draws, hands = sampling.split_pairs(rng, pictures, captions, clients)
        cases.append({"kind": "pair", "labels": None, "classes": None, "clients": clients, "alpha": 0.5,
                      "samples": pictures * captions, "draws": draws,
                      "result": {str(i): hand for i, hand in enumerate(hands)}})
    write_json(folder / "partition/cases.json", cases)


# Data.

def write_images(folder: pathlib.Path, rng) -> None:
    cases = []
    for number, (height, width, size) in enumerate(((19, 83, 24), (64, 40, 11), (5, 7, 30))):
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        resized = np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR))
        write_tensors(folder / f"image_resize/picture{number}.safetensors", {
            "input": pixels, "resized": resized, "normalized": (resized / 255 - 0.5).transpose(2, 0, 1) / 0.5})
        cases.append({"file": f"picture{number}.safetensors", "height": height, "width": width, "size": size})
    write_json(folder / "image_resize/cases.json", cases)
    pixels = rng.integers(0, 256, (4, 9, 3), dtype=np.uint8)
    tables = {"default": ([0.5] * 3, [0.5] * 3), "dark": ([0.1, 0.2, 0.3], [0.11, 0.31, 0.17])}
    write_json(folder / "image_normalise/case.json",
               {name: {"mean": mean, "std": deviation} for name, (mean, deviation) in tables.items()})
    write_tensors(folder / "image_normalise/io.safetensors", {"input": pixels} | {
        name: ((pixels / 255 - mean) / deviation).transpose(2, 0, 1)
        for name, (mean, deviation) in tables.items()})


def write_wordpiece(folder: pathlib.Path, given: pathlib.Path) -> None:
    """The ids of the original, cut and filled to another length."""
    lines = []
    for line in (given / "wordpiece/cases.jsonl").read_text().splitlines()[::7]:
        case = json.loads(line)
        ids = case["ids"] if len(case["ids"]) <= 17 else case["ids"][:16] + [102]
        lines.append(json.dumps({"text": case["text"], "ids": case["ids"], "ids_17": ids + [0] * (17 - len(ids))}))
    (folder / "wordpiece").mkdir(parents=True)
    (folder / "wordpiece/cases.jsonl").write_text("\n".join(lines) + "\n")


# Losses.

def write_contrastive(folder: pathlib.Path, rng) -> None:
    cases = []
    for count, dim, scale in ((1, 3, -0.5), (9, 13, 7.5), (4, 5, 1.75)):
        after = float(np.clip(scale, 0, math.log(100)))
        image, text = (Var(unit_rows(rng, count, dim).astype(np.float64)) for _ in range(2))
        clamped = Var(np.float64(after))
        loss = training.contrastive_loss(image, text, clamped)
        loss.backward()
        file = f"rows{count}.safetensors"
        write_tensors(folder / "contrastive_loss" / file, {
            "image_embedding": image.value, "text_embedding": text.value, "loss": loss.value.reshape(1),
            "grad_image": image.grad, "grad_text": text.grad, "grad_logit_scale": clamped.grad.reshape(1)})
        cases.append({"file": file, "logit_scale_before_clamp": scale, "logit_scale_after_clamp": after})
    write_json(folder / "contrastive_loss/cases.json", cases)


def write_fedprox(folder: pathlib.Path, rng) -> None:
    shapes = {"a": (4, 2), "b.bias": (7,), "c": (1,), "same": (3,)}
    start = {name: rng.normal(size=shape).astype(np.float32).astype(np.float64) for name, shape in shapes.items()}
    tensors = {f"global.{name}": values for name, values in start.items()}
    local = {name: values + (name != "same") * rng.normal(size=values.shape).astype(np.float32)
             for name, values in start.items()}
    tensors |= {f"local.{name}": values for name, values in local.items()}
    for rule in ("paper", "release"):
        variables = {name: Var(values.astype(np.float32).astype(np.float64)) for name, values in local.items()}
        value = training.proximal_term(variables, start, 0.37, rule)
        value.backward()
        tensors[f"{rule}.value"] = value.value.reshape(1)
        for name, variable in variables.items():
            gradient = variable.grad if variable.grad is not None else np.zeros(shapes[name])
            tensors[f"{rule}.grad.{name}"] = gradient
    write_tensors(folder / "fedprox/io.safetensors", tensors)
    write_json(folder / "fedprox/case.json", {"mu": 0.37})


def write_creamfl(folder: pathlib.Path, rng) -> None:
    count, dim, temperature, kd_weight = 13, 7, 0.3, 2.5
    rows = rng.permutation(count)[:6]
    clients = {"image": 3, "text": 1}
    shared = {side: unit_rows(rng, count, dim) for side in clients}
    tensors = {"batch_index": rows} | {f"global_{side}": values for side, values in shared.items()}
    merged = {}
    for side, other in (("image", "text"), ("text", "image")):
        uploads = [unit_rows(rng, count, dim) for _ in range(clients[side])]
        tensors |= {f"client_{side}.{k}": values for k, values in enumerate(uploads)}
        weights = training.client_weights([u.astype(np.float64) for u in uploads], shared[other].astype(np.float64))
        merged[side] = (np.stack(uploads) * weights[:, :, None]).sum(0)
        tensors |= {f"weight_{side}": weights, f"aggregated_{side}": merged[side]}
        feature, old = Var(unit_rows(rng, len(rows), dim).astype(np.float64)), unit_rows(rng, len(rows), dim)
        inter = training.inter_loss(feature, rows, shared[other], temperature)
        intra = training.intra_loss(feature, shared[side][rows], old, temperature)
        (inter + intra).backward()
        tensors |= {f"local_{side}.feature": feature.value, f"local_{side}.old_feature": old,
                    f"local_{side}.loss_inter": inter.value.reshape(1),
                    f"local_{side}.loss_intra": intra.value.reshape(1), f"local_{side}.grad": feature.grad}
    made = {side: Var(unit_rows(rng, len(rows), dim).astype(np.float64)) for side in clients}
    errors = [training.squared_error(made[side], merged[side].astype(np.float32)[rows]) for side in made]
    loss = (errors[0] + errors[1]) * kd_weight
    loss.backward()
    tensors["kd.loss"] = loss.value.reshape(1)
    for side, feature in made.items():
        tensors |= {f"kd.{side}": feature.value, f"kd.grad_{side}": feature.grad}
    write_tensors(folder / "creamfl/io.safetensors", tensors)
    write_json(folder / "creamfl/case.json", {"public": count, "temperature": temperature,
                                              "kd_weight": kd_weight, "clip_grad_norm": 2})


# Models.

def write_models(folder: pathlib.Path, rng) -> None:
    write_json(folder / "model_forward/config.json", {
        "dim": SPEC.dim, "depth": SPEC.depth, "heads": SPEC.heads, "image_size": SPEC.image_size,
        "patch": SPEC.patch, "max_tokens": SPEC.max_tokens, "vocab": SPEC.vocab,
        "image_classes": SPEC.image_classes, "text_classes": SPEC.text_classes, "mlp_ratio": MLP_RATIO,
        "block_norm_eps": BLOCK_EPS, "final_norm_eps": FINAL_EPS, "text_norm_eps": TEXT_EPS, "pad_id": 0})
    write_json(folder / "model_forward/shapes.json", {
        f"toy.{kind}{'' if layers == 'none' else '.' + layers}": shapes_of(SPEC, kind, layers)
        for kind in KINDS.values() for layers in ("none", "attn", "mlp", "all")})
    for kind in KINDS.values():
        state = initial_state(rng, SPEC, kind)
        model = Model(SPEC, kind, state)
        write_tensors(folder / f"model_forward/{kind}.params.safetensors", state)
        data = {"image": images(rng, 2), "tokens": tokens(rng, 2, 6)}
        io = {name: data[name] for name in data if kind == "pair" or (name == "image") == (kind == "img")}
        if kind == "pair":
            io["image_embedding"] = normalised(model.image_token(data["image"])).value
            io["text_embedding"] = normalised(model.text_token(data["tokens"])).value
        else:
            token = model.token(next(iter(io.values())))
            io |= {"logits": model.logits(token).value, "feature": normalised(token).value}
        write_tensors(folder / f"model_forward/{kind}.io.safetensors", io)


def write_edges(folder: pathlib.Path, rng) -> None:
    state = initial_state(rng, SPEC, "pair")
    model, io = Model(SPEC, "pair", state), {}
    inputs = {"grey.image": images(rng, 1, 1), "coloured.image": images(rng, 1),
              "two.tokens": tokens(rng, 1, 2), "nothing.tokens": np.zeros((2, 4), np.int64)}
    for name, values in inputs.items():
        side = "image" if name.endswith("image") else "text"
        token = model.image_token(values) if side == "image" else model.text_token(values)
        io |= {name: values, f"{name.rsplit('.', 1)[0]}.{side}_embedding": normalised(token).value}
    write_tensors(folder / "edges/pair.params.safetensors", state)
    write_tensors(folder / "edges/pair.io.safetensors", io)


# Aggregation.

# The first image set of the run is "scans", which is not the first by name.
TARGETS = {"words": "txt", "a.pairs": "img+txt", "scans": "img", "photos": "img"}
CLIENTS = [{"id": 12, "dataset": "photos", "modality": "img", "samples": 130},
           {"id": 3, "dataset": "photos", "modality": "img", "samples": 17},
           {"id": 7, "dataset": "scans", "modality": "img", "samples": 64},
           {"id": 10, "dataset": "words", "modality": "txt", "samples": 90},
           {"id": 2, "dataset": "words", "modality": "txt", "samples": 41},
           {"id": 101, "dataset": "a.pairs", "modality": "img+txt", "samples": 55},
           {"id": 9, "dataset": "a.pairs", "modality": "img+txt", "samples": 23}]
COHORTS = {"few": [101, 12, 2], "photos_alone": [3, 12], "everybody": [12, 3, 7, 10, 2, 101, 9]}


def settings_of_both_rules() -> list[dict]:
    cases = []
    for rule in ("paper", "release"):
        for share, scope, compensation in (
                ("none", "dataset", False), ("attn", "modality", False), ("attn", "modality", True),
                ("mlp", "modality", False), ("blocks", "modality", True), ("attn", "all", False),
                ("blocks", "all", False), ("blocks", "modality_exact", False)):
            cases.append({"rule": rule, "method": f"{share}_{scope}_{compensation}", "share": share,
                          "scope": scope, "compensation": compensation})
    cases.append({"rule": "paper", "method": "weighted", "share": "blocks", "scope": "modality_exact",
                  "compensation": False, "pair_weight": 7})
    for compensation in (False, True):
        cases.append({"rule": "release", "method": f"scaled_{compensation}", "share": "attn",
                      "scope": "modality", "compensation": compensation, "out_modality_scale": 0.2})
    return cases


def write_aggregate(folder: pathlib.Path, rng) -> None:
    spec = Spec(dim=6, depth=1, heads=2)
    for name, cohorts, rules in (("aggregate", COHORTS, ("paper", "release")),
                                 ("aggregate_more", {"all": [9, 2, 3]}, ("release",))):
        targets = [{"name": target, "modality": modality} for target, modality in TARGETS.items()]
        states = {t["name"]: initial_state(rng, spec, KINDS[t["modality"]]) for t in targets}
        updates = {c["id"]: initial_state(rng, spec, KINDS[c["modality"]]) for c in CLIENTS}
        cases = [case | {"cohort": cohort} for case in settings_of_both_rules() for cohort in cohorts
                 if case["rule"] in rules]
        write_json(folder / name / "cases.json",
                   {"targets": TARGETS, "clients": CLIENTS, "cohorts": cohorts, "cases": cases})
        for target, state in states.items():
            write_tensors(folder / name / f"global.{target}.safetensors", state)
        for client, update in updates.items():
            write_tensors(folder / name / f"update.{client}.safetensors", update)
        for case in cases:
            stem = f"{case['rule']}.{case['method']}.{case['cohort']}"
            coefficients = {}
            for target in targets:
                cohort = [c for c in CLIENTS if c["id"] in cohorts[case["cohort"]]]
                after, table = aggregate(target, states[target["name"]], updates, cohort, case)
                write_tensors(folder / name / f"{stem}.{target['name']}.safetensors", after)
                coefficients[target["name"]] = {
                    parameter: {str(k) if source == parameter else f"{k}:{source}": value
                                for (k, source), value in rows.items()}
                    for parameter, rows in table.items()}
            if case["rule"] == "paper":
                write_json(folder / name / f"{stem}.coefficients.json", coefficients)


def write_aux_refresh(folder: pathlib.Path, rng) -> None:
    spec = Spec(dim=6, depth=2, heads=2)
    cases = []
    for layers, rule, share, compensation in (("all", "release", "attn", True), ("mlp", "paper", "blocks", False)):
        case = {"name": f"{layers}.{rule}", "layers": layers, "cohort": [9, 12, 7, 10, 2], "rule": rule,
                "share": share, "scope": "modality", "compensation": compensation}
        cases.append(case)
        targets = [{"name": target, "modality": modality} for target, modality in TARGETS.items()]
        before = {t["name"]: initial_state(rng, spec, KINDS[t["modality"]], layers) for t in targets}
        stem = f"aux_refresh/{case['name']}"
        uploads = {}
        for client in CLIENTS:
            if client["id"] not in case["cohort"]:
                continue
            local = initial_state(rng, spec, KINDS[client["modality"]], layers, gate=0.4)
            write_tensors(folder / f"{stem}.local.{client['id']}.safetensors", local)
            uploads[client["id"]] = Model(spec, KINDS[client["modality"]], local).merged()
        cohort = [c for c in CLIENTS if c["id"] in case["cohort"]]
        after = {}
        for target in targets:
            state = before[target["name"]]
            plain = {k: v for k, v in state.items() if not k.endswith(("aux_weight", "cross_modal_scale"))}
            merged, _ = aggregate(target, plain, uploads, cohort, case)
            after[target["name"]] = {name: merged.get(name, values) for name, values in state.items()}
        refresh(targets, after)
        for target in after:
            write_tensors(folder / f"{stem}.before.{target}.safetensors", before[target])
            write_tensors(folder / f"{stem}.after.{target}.safetensors", after[target])
    write_json(folder / "aux_refresh/cases.json", {"targets": TARGETS, "clients": CLIENTS, "cases": cases})
