"""Retrieval metrics in numpy: docs/algorithm.md section 5."""
import numpy as np


def direction(ranks: np.ndarray) -> dict:
    result = {f"recall_{k}": 100 * float((ranks < k).mean()) for k in (1, 5, 10)}
    result["rsum"] = sum(result.values())
    return result | {"medr": float(np.floor(np.median(ranks)) + 1), "meanr": float(ranks.mean() + 1)}


def evaluate(images: np.ndarray, texts: np.ndarray, image_of_text: np.ndarray) -> dict:
    scores = images.astype(np.float64) @ texts.astype(np.float64).T
    own = scores[image_of_text, np.arange(len(texts))]
    best = np.array([scores[i, image_of_text == i].max() for i in range(len(images))])
    foreign = image_of_text[None, :] != np.arange(len(images))[:, None]
    return {"i2t": direction(((scores > best[:, None]) & foreign).sum(1)),
            "t2i": direction((scores > own[None, :]).sum(0))}


def evaluate_folds(images, texts, image_of_text, folds: int, size: int) -> dict:
    """The mean over the first `folds` runs of `size` images."""
    parts = []
    for begin in range(0, folds * size, size):
        mine = (begin <= image_of_text) & (image_of_text < begin + size)
        parts.append(evaluate(images[begin:begin + size], texts[mine], image_of_text[mine] - begin))
    return {side: {key: sum(part[side][key] for part in parts) / folds for key in parts[0][side]}
            for side in ("i2t", "t2i")}


def reordered(images, texts, image_of_text, order):
    """Images as first seen in `order`, captions grouped behind them."""
    seen = list(dict.fromkeys(image_of_text[order].tolist()))
    grouped = [text for image in seen for text in order if image_of_text[text] == image]
    numbers = np.array([seen.index(image_of_text[text]) for text in grouped])
    return images[seen], texts[grouped], numbers
