"""Local training in numpy, from docs/algorithm.md sections 3 and 4: optimizer, losses, rounds, CreamFL."""
import math

import numpy as np

from autograd import Var, concat, cross_entropy
from model import Model, normalised


class AdamW:
    """Made anew for each round; parameters without a gradient stay as they are."""

    def __init__(self, parameters: dict[str, Var], rate: float, weight_decay: float = 0):
        self.parameters, self.rate, self.weight_decay = parameters, rate, weight_decay
        self.state = {name: (0, 0 * var.value, 0 * var.value) for name, var in parameters.items()}

    def zero(self) -> None:
        for var in self.parameters.values():
            var.grad = None

    def clip(self, most: float) -> None:
        gradients = [var for var in self.parameters.values() if var.grad is not None]
        norm = math.sqrt(sum(float((var.grad ** 2).sum()) for var in gradients))
        for var in gradients:
            var.grad = var.grad * var.value.dtype.type(min(1.0, most / (norm + 1e-6)))

    def step(self) -> None:
        for name, var in self.parameters.items():
            if var.grad is None:
                continue
            kind = var.value.dtype.type
            step, first, second = self.state[name]
            step += 1
            first = kind(0.9) * first + kind(0.1) * var.grad
            second = kind(0.999) * second + kind(0.001) * var.grad ** 2
            self.state[name] = step, first, second
            root = np.sqrt(second) / kind(math.sqrt(1 - 0.999 ** step)) + kind(1e-8)
            decayed = var.value * kind(1 - self.rate * self.weight_decay)
            var.value = decayed - kind(self.rate / (1 - 0.9 ** step)) * first / root


def trained(model: Model, aux_trained: bool) -> dict[str, Var]:
    return {name: var for name, var in model.parameters.items()
            if aux_trained or not name.endswith(".aux_weight")}


def contrastive_loss(image: Var, text: Var, logit_scale) -> Var:
    """`logit_scale`: after the clamp."""
    scale = logit_scale if isinstance(logit_scale, Var) else Var(image.value.dtype.type(logit_scale))
    logits = (image @ text.transpose(1, 0)) * scale.exp()
    labels = np.arange(len(image.value))
    return (cross_entropy(logits, labels) + cross_entropy(logits.transpose(1, 0), labels)) * 0.5


def proximal_term(local: dict[str, Var], start: dict[str, np.ndarray], mu: float, rule: str) -> Var | None:
    total = None
    for name, var in local.items():
        difference = var - start[name]
        if rule == "release" and not difference.value.any():
            continue  # a norm of zero, whose gradient is taken as 0
        term = (difference * difference).sum()
        term = term if rule == "paper" else term ** 0.5
        total = term if total is None else total + term
    return None if total is None else total * (mu / 2)


def own_loss(model: Model, data: dict[str, np.ndarray], rows: slice) -> Var:
    if model.kind != "pair":
        return cross_entropy(model.logits(model.token(data["input"][rows])), data["target"][rows])
    image = normalised(model.image_token(data["image"][rows]))
    text = normalised(model.text_token(data["tokens"][rows]))
    return contrastive_loss(image, text, math.log(1 / 0.07))


def batches(count: int, size: int) -> list[slice]:
    return [slice(begin, min(begin + size, count)) for begin in range(0, count, size)]


def train_round(model: Model, data: dict[str, np.ndarray], case: dict, rate: float, after_epoch=None,
                watch=None) -> None:
    """One round in place. `after_epoch(optimizer)`; `watch(parameters)` sees each step's gradients."""
    start = {name: var.value for name, var in model.parameters.items()}
    parameters = trained(model, case.get("aux_trained", True))
    optimizer = AdamW(parameters, rate, case.get("weight_decay", 0))
    count = len(next(iter(data.values())))
    for _ in range(case["epochs"]):
        for rows in batches(count, case["batch"]):
            optimizer.zero()
            loss = own_loss(model, data, rows)
            if case.get("mu", 0):
                term = proximal_term(parameters, start, case["mu"], case["prox"])
                loss = loss if term is None else loss + term
            loss.backward()
            if case.get("max_grad_norm", 0):
                optimizer.clip(case["max_grad_norm"])
            if watch:
                watch(parameters)
            optimizer.step()
        if after_epoch:
            after_epoch(optimizer)


# CreamFL.

def inter_loss(feature: Var, rows: np.ndarray, others: np.ndarray, temperature: float) -> Var:
    return cross_entropy((feature @ Var(others.T.astype(feature.value.dtype))) * (1 / temperature), rows)


def intra_loss(feature: Var, shared: np.ndarray, old: np.ndarray, temperature: float) -> Var:
    kind = feature.value.dtype
    columns = [(feature * Var(side.astype(kind))).sum(1, keepdims=True) for side in (shared, old)]
    return cross_entropy(concat(columns, 1) * (1 / temperature), np.zeros(len(shared), int))


def client_weights(clients: list[np.ndarray], others: np.ndarray) -> np.ndarray:
    """[K,P]."""
    scores = []
    for client in clients:
        logits = client @ others.T
        top = logits.max(1)
        scores.append(np.diag(logits) - top - np.log(np.exp(logits - top[:, None]).sum(1)))
    powers = np.exp(np.stack(scores) - np.max(scores, 0))
    return powers / powers.sum(0)


def ensemble(clients: list[np.ndarray], others: np.ndarray) -> np.ndarray:
    return (np.stack(clients) * client_weights(clients, others)[:, :, None]).sum(0)


def features(model: Model, public: dict[str, np.ndarray], side: str, rows=slice(None)) -> Var:
    token = model.image_token(public["image"][rows]) if side == "image" else model.text_token(public["tokens"][rows])
    return normalised(token)


def public_pass(model: Model, optimizer: AdamW, public: dict[str, np.ndarray], shared: dict[str, np.ndarray],
                old: dict[str, np.ndarray], case: dict, watch=None) -> None:
    """After a client's epoch: the intra term is a mean over all rows of its sides, the inter term a sum."""
    sides = list(old)
    count = len(public["image"])
    for rows in batches(count, case["public_batch"]):
        optimizer.zero()
        places, inter, made = np.arange(count)[rows], None, []
        for side in sides:
            made.append(features(model, public, side, rows))
            others = shared["text" if side == "image" else "image"]
            term = inter_loss(made[-1], places, others, case["temperature"])
            inter = term if inter is None else inter + term
        intra = intra_loss(concat(made), np.concatenate([shared[side][rows] for side in sides]),
                           np.concatenate([old[side][rows] for side in sides]), case["temperature"])
        ((inter + intra) * case["interintra_weight"]).backward()
        optimizer.clip(case["clip_grad_norm"])
        if watch:
            watch(optimizer.parameters)
        optimizer.step()


def squared_error(feature: Var, wanted: np.ndarray) -> Var:
    difference = feature - wanted
    return (difference * difference).mean()


def distil(model: Model, public: dict[str, np.ndarray], wanted: dict[str, np.ndarray], case: dict,
           watch=None) -> None:
    optimizer = AdamW(model.parameters, case["p_lr"], case["p_weight_decay"])
    for rows in batches(len(public["image"]), case["public_batch"]):
        optimizer.zero()
        loss = None
        for side, values in wanted.items():
            term = squared_error(features(model, public, side, rows), values[rows])
            loss = term if loss is None else loss + term
        (loss * case["kd_weight"]).backward()
        optimizer.clip(case["clip_grad_norm"])
        if watch:
            watch(optimizer.parameters)
        optimizer.step()
