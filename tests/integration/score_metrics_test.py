"""Our metrics of classification are scikit-learn's, to 1e-6."""

import json
import os
import pathlib
import subprocess
import unittest
import warnings

import numpy as np
from sklearn import metrics

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ.get("TRIBUTARY_TEST_BIN", SOURCE / "build/release/tests")) / "score_metrics"


def ours(labels, logits, parts=1):
    lines = [str(logits.shape[1])]
    lines += [f"{label} " + " ".join(f"{value:.9g}" for value in row) for label, row in zip(labels, logits)]
    done = subprocess.run([TOOL, "--parts", str(parts)], input="\n".join(lines) + "\n", text=True,
                          stdout=subprocess.PIPE, check=True, timeout=60)
    return json.loads(done.stdout)


def softmax(logits):
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def originals(labels, logits):
    classes = logits.shape[1]
    scores, predicted = softmax(logits), logits.argmax(axis=1)
    present = [c for c in range(classes) if 0 < (labels == c).sum() < len(labels)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that are predicted and never true
        balanced = metrics.balanced_accuracy_score(labels, predicted)
    return {"accuracy": 100 * metrics.accuracy_score(labels, predicted),
            "balanced_accuracy": 100 * balanced,
            "macro_f1": 100 * metrics.f1_score(labels, predicted, average="macro", zero_division=0),
            "auroc": np.mean([metrics.roc_auc_score(labels == c, scores[:, c]) for c in present]),
            "loss": metrics.log_loss(labels, scores, labels=range(classes)),
            "confusion": metrics.confusion_matrix(labels, predicted, labels=range(classes)).tolist()}


def made_up(classes, samples, seed, absent=()):
    """Labels and logits that favour the label's class a little; no sample is of a class in `absent`."""
    stream = np.random.default_rng(seed)
    labels = stream.choice([c for c in range(classes) if c not in absent], samples)
    logits = stream.normal(size=(samples, classes))
    logits[np.arange(samples), labels] += 1
    return labels, logits.astype(np.float32)


class ScoreMetrics(unittest.TestCase):
    def compare(self, labels, logits):
        found, expected = ours(labels, logits), originals(labels, logits)
        for name, value in expected.items():
            if name == "confusion":
                self.assertEqual(found[name], value)
            else:
                self.assertAlmostEqual(found[name], value, delta=1e-6, msg=name)
        self.assertEqual(found["auroc_error"], 0)
        return found

    def test_binary(self):
        labels, logits = made_up(2, 500, 1)
        found = self.compare(labels, logits)
        # Of one class against the other, as scikit-learn has it for two: the same from either side.
        self.assertAlmostEqual(found["auroc"], metrics.roc_auc_score(labels, softmax(logits)[:, 1]), delta=1e-6)

    def test_ten_classes(self):
        labels, logits = made_up(10, 2000, 2)
        found = self.compare(labels, logits)
        whole = metrics.roc_auc_score(labels, softmax(logits), multi_class="ovr", average="macro")
        self.assertAlmostEqual(found["auroc"], whole, delta=1e-6)

    def test_a_class_that_is_absent(self):
        labels, logits = made_up(4, 300, 3, absent=(2,))
        self.assertGreater((logits.argmax(axis=1) == 2).sum(), 0, "predicted, but never true")
        self.compare(labels, logits)
        logits[:, 2] = -50  # neither predicted nor true
        self.compare(labels, logits)

    def test_ties(self):
        labels, logits = made_up(3, 400, 4)
        found = self.compare(labels, np.round(logits))
        self.assertNotAlmostEqual(found["auroc"], ours(labels, logits)["auroc"], delta=1e-6)
        self.assertAlmostEqual(self.compare(labels, np.zeros_like(logits))["auroc"], 0.5, delta=1e-12)

    def test_imbalance_and_certainty(self):
        stream = np.random.default_rng(5)
        labels = (stream.random(1000) < .03).astype(int)
        # Not more certain: log_loss cuts probabilities below 2e-16, where our loss goes on to rise.
        logits = stream.normal(size=(1000, 2)).astype(np.float32) * 5
        self.compare(labels, logits)

    def test_added_counts_lose_only_the_exact_auroc(self):
        labels, logits = made_up(5, 1000, 6)
        found, whole = ours(labels, logits, parts=4), originals(labels, logits)
        for name in ("accuracy", "balanced_accuracy", "macro_f1", "loss"):
            self.assertAlmostEqual(found[name], whole[name], delta=1e-6, msg=name)
        self.assertEqual(found["confusion"], whole["confusion"])
        self.assertGreater(found["auroc_error"], 0)
        self.assertLessEqual(abs(found["auroc"] - whole["auroc"]), found["auroc_error"])


if __name__ == "__main__":
    unittest.main()
