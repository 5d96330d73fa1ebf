"""Who gets which samples, who takes part, at which rate, in numpy: docs/algorithm.md section 2 and 3."""
import math

import numpy as np


def cohort_size(clients: int, fraction: float) -> int:
    return max(math.floor(fraction * clients), 1)


def rates(initial: float, decay: float, every: int, rounds: int) -> list[float]:
    """By repeated multiplication."""
    result, rate = [], initial
    for done in range(rounds):
        if done > 0 and done % every == 0:
            rate *= decay
        result.append(rate)
    return result


def split_classes(rng, labels: list[int], classes: int, clients: int, alpha: float) -> tuple[list, list[list[int]]]:
    """The draws in their order, and each client's samples."""
    labels, draws, share = np.array(labels), [], len(labels) / clients

    def shuffled(items):
        items = [int(item) for item in rng.permutation(items)]
        draws.append({"kind": "shuffled", "value": items})
        return items

    while True:
        hands = [[] for _ in range(clients)]
        for label in range(classes):
            items = shuffled(np.flatnonzero(labels == label))
            kept = 0.0
            while kept <= 0:
                drawn = rng.dirichlet([alpha] * clients)
                draws.append({"kind": "dirichlet", "value": drawn.tolist()})
                open_ones = np.where([len(hand) < share for hand in hands], drawn, 0.0)
                kept = open_ones.sum()
            cuts = (np.cumsum(open_ones / kept) * len(items)).astype(int)[:-1]
            for hand, part in zip(hands, np.split(np.array(items, int), cuts)):
                hand.extend(part.tolist())
        if min(len(hand) for hand in hands) >= 10:
            return draws, [shuffled(hand) for hand in hands]


def split_pairs(rng, images: int, captions: int, clients: int) -> tuple[list, list[list[int]]]:
    order = rng.permutation(images)
    kept = rng.uniform(0.95, 0.99, clients)
    draws = [{"kind": "permutation", "value": order.tolist()}, {"kind": "uniform", "value": kept.tolist()}]
    hands = []
    for part, share in zip(np.array_split(order, clients), kept):
        part = part[:int(share * len(part))]
        hands.append([int(image * captions + caption) for image in part for caption in range(captions)])
    return draws, hands
