"""Aggregation in numpy, from docs/algorithm.md section 4: both rules, every share, scope and compensation."""
import numpy as np

State = dict[str, np.ndarray]


def group(name: str) -> str:
    if not name.startswith("blockses."):
        return "other"
    part = name.split(".")[3]
    return {"attn": "attn", "mlp": "mlp"}.get(part, "blocknorm")


def part_of(name: str) -> str | None:
    index = name.split(".")[1]
    return {"0": "img", "1": "txt"}.get(index)


def counterpart(name: str) -> str | None:
    if not name.startswith("blockses."):
        return None
    side, rest = name.removeprefix("blockses.").split(".", 1)
    return f"blockses.{1 - int(side)}.{rest}"


def shared(name: str, share: str, rule: str) -> bool:
    groups = {"none": (), "attn": ("attn",), "mlp": ("mlp",), "blocks": ("attn", "mlp", "blocknorm")}
    if rule == "release":
        groups |= {"mlp": (), "blocks": ("mlp", "blocknorm")}
    return group(name) in groups[share]


def overlap(a: str, b: str) -> bool:
    return a in b or b in a


def holds(modality: str, part: str | None) -> bool:
    return part is None or part in modality


def sources(client: dict, target: dict, name: str, case: dict) -> list[str]:
    """The tensors of a client's upload that go into parameter `name` of `target`."""
    if not shared(name, case["share"], case["rule"]) or case["scope"] == "dataset":
        return [name] if client["dataset"] == target["name"] else []
    if case["scope"] in ("modality", "modality_exact"):
        return [name] if holds(client["modality"], part_of(name)) else []
    if client["modality"] == "img+txt":
        both = [name, counterpart(name)]
        return both if case["rule"] == "paper" else [name]
    return [name if holds(client["modality"], part_of(name)) else counterpart(name)]


def release_sources(client: dict, target: dict, name: str, case: dict) -> list[str]:
    """Scope modality of the release looks at the target's whole modality first."""
    found = sources(client, target, name, case)
    spread = shared(name, case["share"], "release") and case["scope"] == "modality"
    return found if not spread or overlap(client["modality"], target["modality"]) else []


def paper_coefficients(target: dict, name: str, cohort: list[dict], case: dict) -> dict:
    """(client, source) -> n_k / D."""
    def weight(client):
        return client["samples"] * (case.get("pair_weight", 1) if client["modality"] == "img+txt" else 1)

    found = [(client, source) for client in cohort for source in sources(client, target, name, case)]
    if case["compensation"]:
        part = part_of(name)
        whole = sum(weight(client) for client in cohort
                    if (holds(client["modality"], part) if part else overlap(client["modality"], target["modality"])))
    else:
        whole = sum(weight(client) for client, _ in found)
    return {(client["id"], source): weight(client) / whole for client, source in found}


def release_coefficients(target: dict, name: str, cohort: list[dict], case: dict) -> dict:
    """(client, source) -> c_k, to be folded in one after another."""
    def weight(client):
        same = client["modality"] == target["modality"]
        return client["samples"] * (1 if same else case.get("out_modality_scale", 1))

    found = [(client, source) for client in cohort for source in release_sources(client, target, name, case)]
    spread = shared(name, case["share"], "release") and case["scope"] != "dataset"
    if case["compensation"] and case["scope"] == "dataset":
        return {}
    if case["scope"] == "all" and (spread or case["compensation"]):
        whole = sum(weight(client) for client in cohort)
    elif case["scope"] == "modality" and case["compensation"]:
        whole = sum(c["samples"] for c in cohort if overlap(c["modality"], target["modality"]))
    elif case["scope"] == "modality" and spread:
        whole = sum(weight(c) for c in cohort if overlap(c["modality"], target["modality"]))
    else:
        whole = sum(weight(client) for client, _ in found)
    return {(client["id"], source): weight(client) / whole for client, source in found}


def aggregate(target: dict, state: State, updates: dict[int, State], cohort: list[dict],
              case: dict) -> tuple[State, dict]:
    """The new global, and for each parameter the coefficients."""
    cohort = sorted(cohort, key=lambda client: client["id"])
    after, table = {}, {}
    for name, values in state.items():
        old = values.astype(np.float64)
        if case["rule"] == "paper":
            rows = paper_coefficients(target, name, cohort, case)
            new = old + sum(c * (updates[k][source] - old) for (k, source), c in rows.items())
        else:
            rows, new = release_coefficients(target, name, cohort, case), old
            for (k, source), c in rows.items():
                new = new + c * (updates[k][source] - new)
        after[name], table[name] = new, rows
    return after, table


def refresh(targets: list[dict], states: dict[str, State]) -> None:
    """Auxiliary weights from the first target of the other modality; gates closed. In place."""
    for target in targets:
        if target["modality"] == "img+txt":
            continue
        others = [t for t in targets if t["modality"] not in ("img+txt", target["modality"])]
        state = states[target["name"]]
        for name in state:
            if name.endswith(".cross_modal_scale"):
                state[name] = np.zeros(1)
            elif name.endswith(".aux_weight") and others:
                weight = counterpart(name.replace(".aux_weight", ".weight"))
                state[name] = states[others[0]["name"]][weight]
