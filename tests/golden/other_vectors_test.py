"""The golden programs on vectors of other sizes, seeds, names and numbers of cases than those of tests/golden/data.

A test that assumes what the case at hand says passes on that one alone. So the vectors here come out of a reference
in numpy (reference/), and then each number of each case is changed in turn: the program that reads it must fail.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE / "reference"))
import other_rounds  # noqa: E402
import other_vectors  # noqa: E402
from files import read_json, read_tensors, write_json, write_tensors  # noqa: E402

PROGRAMS = {
    "aggregate": "aggregate", "aggregate_more": "aggregate", "aux_refresh": "auxiliary",
    "complementary_step": "complementary_step", "contrastive_loss": "losses", "creamfl": "creamfl",
    "creamfl_round": "creamfl_round", "edges": "model_forward", "fedprox": "losses", "image_normalise": "data",
    "image_resize": "data", "local_rounds": "local_rounds", "model_forward": "model_forward", "partition": "data",
    "retrieval_metrics": "metrics", "retrieval_shuffled": "metrics", "sampling": "sampling", "schedule": "metrics",
    "wordpiece": "data"}
OPTIMIZER = {("schedule", key): "complementary_step"
             for key in ("optimizer", "weight_decay", "betas", "eps", "optimizer_state")}
# What cannot tell: the draws are given, so how they were drawn has no effect; any weight decay is a run's own.
WITHOUT_EFFECT = {("partition", "alpha"), ("schedule", "weight_decay"), ("partition", "classes")}
# Files of which each tensor is changed.
TENSORS = ["contrastive_loss/rows4", "creamfl/io", "creamfl_round/aggregated_features", "creamfl_round/pair_local",
           "creamfl_round/public_features", "creamfl_round/uploaded_features.8", "edges/pair.io", "fedprox/io",
           "image_normalise/io", "image_resize/picture2", "model_forward/img.io", "model_forward/pair.io",
           "model_forward/txt.io", "retrieval_metrics/io", "retrieval_shuffled/io"]


def write_all(folder: pathlib.Path) -> None:
    other_vectors.write_wordpiece(folder, HERE / "data")
    writers = [getattr(module, name) for module in (other_vectors, other_rounds) for name in sorted(vars(module))
               if name.startswith("write_") and name not in ("write_wordpiece", "write_json", "write_tensors",
                                                             "write_pair_local")]
    for seed, write in enumerate(writers):
        write(folder, np.random.default_rng(seed))


def changed(value):
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return 4 * value + 1
    if isinstance(value, float):
        return 4 * value if value else 0.25
    return value + "x"


def changed_values(values: np.ndarray) -> np.ndarray:
    """Others of the same type and range."""
    if values.dtype == np.int64:  # tokens, rows: still within what they point into
        return np.where(values > 0, values - 1, 1)
    return 255 - values if values.dtype == np.uint8 else values + np.float32(0.37)


def places(value, path=()):
    """The path to each scalar; of a list's elements to the last that has it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, path + (key,))
    elif isinstance(value, list):
        found = {}
        for index, item in enumerate(value):
            for place in places(item, path + (index,)):
                found[place[:len(path)] + ("",) + place[len(path) + 1:]] = place
        yield from found.values()
    elif value is not None:
        yield path


# Numbers whose change of this size the rounding to whole clients and samples takes away.
ROUNDED_AWAY = {("partition", 1, "draws", 13, "value", 1), ("sampling", 19, "fraction")}


class OtherVectorsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)
        write_all(cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def run_golden(self, program: str) -> subprocess.CompletedProcess:
        binary = pathlib.Path(os.environ["TRIBUTARY_TEST_BIN"]) / f"golden_{program}"
        return subprocess.run([binary], env=os.environ | {"TRIBUTARY_GOLDEN_DIR": str(self.folder)},
                              capture_output=True, text=True, check=False)

    def expect_pass(self, program: str) -> None:
        result = self.run_golden(program)
        self.assertEqual(result.returncode, 0, f"{program}:\n{result.stdout[-6000:]}{result.stderr[-2000:]}")

    def expect_failure(self, program: str, change: str) -> None:
        self.assertNotEqual(self.run_golden(program).returncode, 0, f"{program} does not see: {change}")

    def test_every_program_passes(self):
        for program in sorted(set(PROGRAMS.values())) + ["known_folders"]:
            with self.subTest(program):
                self.expect_pass(program)

    def test_every_number_of_every_case_is_read(self):
        for folder, program in PROGRAMS.items():
            for file in sorted((self.folder / folder).glob("*.json")):
                if file.name in ("left_out.json", "shapes.json") or "coefficients" in file.name:
                    continue
                given = file.read_text()
                for path in places(json.loads(given)):
                    keys = [key for key in path if isinstance(key, str)]
                    if keys and (folder, keys[-1]) in WITHOUT_EFFECT or (folder, *path) in ROUNDED_AWAY:
                        continue
                    case = parent = json.loads(given)
                    for key in path[:-1]:
                        parent = parent[key]
                    parent[path[-1]] = changed(parent[path[-1]])
                    with self.subTest(file=f"{folder}/{file.name}", path=path):
                        write_json(file, case)
                        reader = OPTIMIZER.get((folder, keys[0]) if keys else None, program)
                        self.expect_failure(reader, f"{folder}/{file.name} {path} = {parent[path[-1]]}")
                file.write_text(given)

    def test_every_tensor_is_read(self):
        for name in TENSORS:
            file = self.folder / f"{name}.safetensors"
            given = read_tensors(file)
            for tensor, values in given.items():
                with self.subTest(file=name, tensor=tensor):
                    write_tensors(file, given | {tensor: changed_values(values)})
                    self.expect_failure(PROGRAMS[name.split("/")[0]], f"{name} {tensor}")
            write_tensors(file, given)

    def test_what_is_not_known_fails(self):
        for folder, program in PROGRAMS.items():
            for name in ("case.json", "cases.json", "config.json"):
                file = self.folder / folder / name
                if not file.exists():
                    continue
                given = read_json(file)
                case = json.loads(json.dumps(given))
                (case[-1] if isinstance(case, list) else case)["something_new"] = 1
                with self.subTest(f"{folder}/{name}"):
                    write_json(file, case)
                    self.expect_failure(program, f"an unknown key of {folder}/{name}")
                write_json(file, given)
        (self.folder / "something_new").mkdir()
        self.expect_failure("known_folders", "an unknown folder")
        (self.folder / "something_new").rmdir()
        (self.folder / "edges").rename(self.folder.parent / f"{self.folder.name}.edges")
        self.expect_failure("known_folders", "a missing folder")
        (self.folder.parent / f"{self.folder.name}.edges").rename(self.folder / "edges")

    def test_the_order_of_datasets_is_the_files(self):
        file = self.folder / "aux_refresh/cases.json"
        given = read_json(file)
        targets = dict(sorted(given["targets"].items()))
        self.assertNotEqual(list(targets), list(given["targets"]))
        write_json(file, given | {"targets": targets})
        self.expect_failure("auxiliary", "datasets by name")
        write_json(file, given)


if __name__ == "__main__":
    unittest.main()
