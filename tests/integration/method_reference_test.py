"""Server optimizers, SCAFFOLD and FedNova beside implementations of their own, written from the papers' formulas.

Only numbers pass between the two: `method_steps` gets the inputs of a few rounds and answers with what our code makes
of them. Globals, moments and control variates are float32 on both sides, as they are stored; the rest is float64.
"""

import json
import os
import pathlib
import subprocess
import unittest

import numpy as np

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("TRIBUTARY_TEST_BIN", SOURCE / "build/release/tests")) / "method_steps"
TOLERANCE = 1e-6
VALUES = 8


class Program:
    """`method_steps`, started once: a line in, a line out."""

    process = None

    @classmethod
    def ask(cls, question):
        if cls.process is None:
            cls.process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cls.process.stdin.write(json.dumps(question) + "\n")
        cls.process.stdin.flush()
        answer = cls.process.stdout.readline()
        if not answer:
            raise AssertionError(f"method_steps ended with {cls.process.wait()}")
        return json.loads(answer)


def tearDownModule():
    if Program.process is not None:
        Program.process.stdin.close()
        Program.process.stdout.close()
        Program.process.wait()


def float32(values):
    return np.asarray(values, dtype=np.float32).astype(np.float64)


def fedopt(optimizer, rate, beta1, beta2, tau, start, deltas):
    """Reddi et al., algorithm 2; momentum: algorithm 1 with momentum SGD on the server. Yields each round's globals."""
    x = float32(start)
    m = np.zeros_like(x)
    v = float32(np.full_like(x, tau * tau))
    for delta in deltas:
        d = float32(x + float32(delta)) - x
        if optimizer == "momentum":
            m = beta1 * m + d
            x = float32(x + rate * m)
        else:
            m = beta1 * m + (1 - beta1) * d
            v = {"adagrad": lambda: v + d ** 2,
                 "adam": lambda: beta2 * v + (1 - beta2) * d ** 2,
                 "yogi": lambda: v - (1 - beta2) * d ** 2 * np.sign(v - d ** 2)}[optimizer]()
            x = float32(x + rate * m / (np.sqrt(v) + tau))
        m, v = float32(m), float32(v)
        yield x


class ServerOptimizersTest(unittest.TestCase):
    def check(self, optimizer, rate, beta1, beta2, tau, scale):
        random = np.random.default_rng(5)
        start = random.normal(size=40)
        deltas = [random.normal(size=40) * scale * 10.0 ** random.integers(-2, 2, size=40) for _ in range(6)]
        deltas[2][:10] = 0  # values that nobody moved
        settings = {"optimizer": optimizer, "learning_rate": rate, "momentum": beta1, "beta2": beta2, "tau": tau}
        ours = Program.ask({"what": "optimizer", "settings": settings, "start": start.tolist(),
                    "deltas": [delta.tolist() for delta in deltas]})["globals"]
        theirs = list(fedopt(optimizer, rate, beta1, beta2, tau, start, deltas))
        self.assertEqual(len(ours), len(theirs))
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            np.testing.assert_allclose(one, other, rtol=0, atol=TOLERANCE, err_msg=f"{settings}, round {number + 1}")

    def test_every_optimizer_over_six_rounds(self):
        for optimizer in ("momentum", "adam", "yogi", "adagrad"):
            for rate, beta1, beta2, tau, scale in ((1, 0.9, 0.99, 1e-3, 1e-3), (0.01, 0.9, 0.99, 1e-3, 1e-2),
                                                   (0.1, 0, 0.9, 0.1, 1e-1), (0.05, 0.5, 0, 1e-2, 1e-4)):
                with self.subTest(f"{optimizer} {rate} {beta1} {beta2} {tau}"):
                    self.check(optimizer, rate, beta1, beta2, tau, scale)


class FedNovaTest(unittest.TestCase):
    def check(self, cohort, arrived, epochs, batch):
        random = np.random.default_rng(6)
        start = random.normal(size=VALUES)
        deltas = {client: random.normal(size=VALUES) * 0.01 for client in cohort}
        ours = Program.ask({"what": "fednova", "epochs": epochs, "batch": batch, "cohort": cohort, "arrived": arrived,
                    "global": start.tolist(), "deltas": {c: d.tolist() for c, d in deltas.items()}})
        total = sum(cohort[client] for client in arrived)
        p = {client: cohort[client] / total for client in arrived}
        tau = {client: sum(len(range(0, cohort[client], batch)) for _ in range(epochs)) for client in arrived}
        tau_eff = sum(p[client] * tau[client] for client in arrived)
        normalised = sum(p[client] * float32(deltas[client]) / tau[client] for client in arrived)
        np.testing.assert_allclose(ours["global"], float32(start) + tau_eff * normalised, rtol=0, atol=TOLERANCE)
        self.assertEqual(set(ours["coefficients"]), set(arrived))
        for client in arrived:
            self.assertAlmostEqual(ours["coefficients"][client], tau_eff * p[client] / tau[client], delta=1e-12)

    def test_coefficients_with_all_clients_and_with_some(self):
        cohort = {"a": 3, "b": 64, "c": 65, "d": 1000, "e": 20_000}
        for arrived in (list("abcde"), list("abd"), ["c"], ["a", "e"]):
            for epochs, batch in ((1, 64), (5, 16), (2, 1)):
                with self.subTest(f"{arrived} {epochs} {batch}"):
                    self.check(cohort, arrived, epochs, batch)


class ScaffoldTest(unittest.TestCase):
    """Karimireddy et al., algorithm 1 with plain SGD, on least squares: gradients depend on where the client is."""

    CLIENTS = 5
    RATE = 0.05

    def gradients(self, client, x, rng):
        matrix, target = self.data[client]
        rows = rng.choice(len(target), size=4, replace=False)
        return matrix[rows].T @ (matrix[rows] @ x - target[rows]) / 4

    def test_five_rounds_with_other_cohorts_each_time(self):
        random = np.random.default_rng(7)
        self.data = [(random.normal(size=(12, VALUES)), random.normal(size=12) + c) for c in range(self.CLIENTS)]
        cohorts = [[0, 1], [1, 2, 4], [0, 1, 2, 3, 4], [3], [0, 4]]
        x = np.zeros(VALUES)
        c = np.zeros(VALUES)
        own = [np.zeros(VALUES) for _ in range(self.CLIENTS)]
        rounds, expected = [], []
        for cohort in cohorts:
            asked, corrected, new_own, ends = {}, {}, {}, []
            for client in cohort:
                y = x.copy()
                steps = 2 + client
                asked[f"client-{client}"], corrected[f"client-{client}"] = [], []
                for _ in range(steps):
                    g = float32(self.gradients(client, y, random))
                    asked[f"client-{client}"].append(g.tolist())
                    corrected[f"client-{client}"].append(g - own[client] + c)
                    y = y - self.RATE * (g - own[client] + c)
                # Option II of the paper, from where the client ended and not from its gradients.
                new_own[client] = own[client] - c + (x - y) / (steps * self.RATE)
                ends.append(y - x)
            c = c + sum(new_own[client] - own[client] for client in cohort) / self.CLIENTS
            for client in cohort:
                own[client] = new_own[client]
            x = x + sum(ends) / len(cohort)
            rounds.append(asked)
            expected.append((c.copy(), {f"client-{k}": v.copy() for k, v in new_own.items()}, corrected))

        names = [f"client-{client}" for client in range(self.CLIENTS)]
        ours = Program.ask({"what": "scaffold", "clients": self.CLIENTS, "cohort": names, "rounds": rounds})["rounds"]
        self.assertEqual(len(ours), len(cohorts))
        for number, (made, (control, mine, steps)) in enumerate(zip(ours, expected, strict=True)):
            note = f"round {number + 1}"
            np.testing.assert_allclose(made["control"], control, rtol=TOLERANCE, atol=TOLERANCE, err_msg=note)
            for client, values in mine.items():
                np.testing.assert_allclose(made["own"][client], values, rtol=TOLERANCE, atol=TOLERANCE,
                                           err_msg=f"{note}, {client}")
                np.testing.assert_allclose(made["corrected"][client], steps[client], rtol=TOLERANCE, atol=TOLERANCE,
                                           err_msg=f"{note}, {client}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
