"""Owners that prepare their data by themselves: one schema for all of them, or a refusal that names both lists of classes."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import tiny_federation as tiny
from processes import Coordinator

TOOL, SERVER, CLIENT = (tiny.BIN / name for name in ("tributary", "tributary-server", "tributary-client"))
COLOURS = {"bird": (40, 160, 250), "cat": (250, 60, 40), "dog": (60, 240, 60)}

RUN_FILE = """
name = "owners"
method = "fedavg"
seed = 3
rounds = 6
{top}
[[datasets]]
name = "scans"
modality = "image"
clients = 2
path = "{path}"

[model]
dim = 16
depth = 1
heads = 2
patch = 8
image_size = 16
max_tokens = 8

[local]
epochs = 4
batch = 8
learning_rate = 3e-3

[round]
fraction = 1.0
deadline = "1m"
join_timeout = "1m"

[wire]
heartbeat = "200ms"
liveness = "20s"
"""


def write_owner(root, classes, count=24):
    """A folder per class and part; pictures of a class are shades of its colour."""
    for part, images in (("train", count), ("test", 8)):
        for name in classes:
            red, green, blue = COLOURS[name]
            for n in range(images):
                shade = n * (7 if part == "train" else 5) % 40
                tiny.write_png(root / part / name / f"{n}.png", 16,
                               lambda x, y: (max(0, red - shade), max(0, green - shade), (blue + x * y % 5 + (part == "test")) % 256))


class OwnersTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="owners_test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def prepare(self, owner, *more, code=0):
        done = subprocess.run([TOOL, "prepare", "--dataset", "image-folder", "--root", self.folder / owner, "--clients", "1",
                               "--out", self.folder / f"{owner}-shards", *(str(one) for one in more)],
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def schema(self, *arguments, code=0):
        done = subprocess.run([TOOL, "schema", *(str(one) for one in arguments)], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def run_file(self, owner, top=""):
        path = self.folder / "run.toml"
        path.write_text(RUN_FILE.format(path=self.folder / f"{owner}-shards", top=top))
        return path

    def start_server(self, run_file):
        server = Coordinator(run_file, self.folder / "state", "127.0.0.1:0")
        self.addCleanup(server.kill)
        self.address = server.await_event("listening")["address"]
        return server

    def start_client(self, owner, *more):
        client = subprocess.Popen([CLIENT, "--server", self.address, "--data", self.folder / f"{owner}-shards/client-00",
                                   "--state", self.folder / f"{owner}-state", "--name", owner, "--threads", "1", *more],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(lambda: (client.kill(), client.communicate()))
        return client

    def test_other_classes_are_refused_with_both_lists(self):
        for owner, classes in (("a", ["cat", "dog"]), ("b", ["bird", "cat"])):
            write_owner(self.folder / owner, classes, count=6)
            self.prepare(owner, "--name", "scans", "--image-size", 16)
        server = self.start_server(self.run_file("a"))
        client = self.start_client("b")
        said = client.communicate(timeout=60)[0]
        self.assertEqual(client.returncode, 3, said)
        self.assertIn("[bird, cat] (2), the run [cat, dog] (2)", said)
        self.assertIn("--schema", said)
        self.assertIn("[bird, cat]", server.await_event("client_refused")["reason"])

    def test_with_a_schema_an_owner_that_lacks_a_class_takes_part(self):
        write_owner(self.folder / "a", ["bird", "cat", "dog"])
        write_owner(self.folder / "b", ["cat", "bird"])
        self.prepare("a", "--name", "scans", "--image-size", 16)
        self.schema("--shard", self.folder / "a-shards", "--out", self.folder / "scans.json")
        schema = json.loads((self.folder / "scans.json").read_text())
        self.assertEqual(schema["classes"], ["bird", "cat", "dog"])
        self.prepare("b", "--schema", self.folder / "scans.json")
        server = self.start_server(self.run_file("a"))
        clients = [self.start_client(owner) for owner in ("a", "b")]
        result = server.await_event("run_finished")["result"]
        self.assertEqual(len({joined["data_digest"] for joined in server.of_kind("client_joined")}), 2)
        self.assertEqual(result["datasets"]["scans"], {"modality": "image", "clients": 2, "classes": ["bird", "cat", "dog"]})
        # Three colours are told apart by six rounds; labels in two orders would leave at most a third.
        self.assertGreaterEqual(result["tasks"]["scans"]["accuracy"], 90)
        for client in clients:
            self.assertEqual(client.wait(timeout=30), 0)

    def test_owners_evaluate_on_their_own_and_the_coordinator_has_no_test(self):
        write_owner(self.folder / "a", ["bird", "cat", "dog"])
        write_owner(self.folder / "b", ["cat", "bird"])
        self.prepare("a", "--name", "scans", "--image-size", 16)
        self.schema("--shard", self.folder / "a-shards", "--out", self.folder / "scans.json")
        # b's folders have a split of their own; without one a share of the training part would be taken.
        self.prepare("b", "--schema", self.folder / "scans.json", "--client-test-share", "0.25")
        (self.folder / "none").mkdir()
        file = self.folder / "run.toml"
        file.write_text(RUN_FILE.format(path=self.folder / "none", top="").replace("rounds = 6", "rounds = 2")
                        + '\n[evaluation]\nwhere = "clients"\ntrained = true\ndeadline = "1m"\n')
        refused = subprocess.run([SERVER, "--run", file, "--state", self.folder / "no"], capture_output=True, text=True, timeout=60)
        self.assertEqual(refused.returncode, 3, refused.stderr)
        self.assertIn("give the dataset a schema", refused.stderr)
        file.write_text(file.read_text().replace('path = "', f'schema = "{self.folder / "scans.json"}"\npath = "'))
        server = self.start_server(file)
        clients = [self.start_client("a", "--test", self.folder / "a-shards/test"), self.start_client("b")]
        result = server.await_event("run_finished")["result"]
        task = result["tasks"]["scans"]
        by_client = task["clients"]["by_client"]
        self.assertEqual({name: one["samples"] for name, one in by_client.items()}, {"a": 24, "b": 12})
        self.assertEqual(task["samples"], 36)
        right = sum(one["accuracy"] * one["samples"] for one in by_client.values())
        self.assertAlmostEqual(task["accuracy"], right / 36)
        self.assertEqual(len(task["confusion"]), 3)
        self.assertEqual(sum(task["confusion"][2]), 8, "dogs, which only a has")
        for key in ("loss", "balanced_accuracy", "macro_f1", "auroc"):
            self.assertIn(key, task)
        self.assertEqual(task["clients"]["best"]["value"], max(one["accuracy"] for one in by_client.values()))
        updates = result["history"][-1]["updates"]
        self.assertEqual({name: update["trained"]["samples"] for name, update in updates.items()}, {"a": 24, "b": 12})
        for client in clients:
            self.assertEqual(client.wait(timeout=30), 0)

    def test_labels_outside_the_schema_are_refused_or_left_out_with_their_count(self):
        write_owner(self.folder / "a", ["cat", "dog"], count=4)
        write_owner(self.folder / "b", ["bird", "cat"], count=4)
        self.prepare("a", "--name", "scans", "--image-size", 16)
        self.schema("--shard", self.folder / "a-shards/test", "--out", self.folder / "scans.json")
        refused = self.prepare("b", "--schema", self.folder / "scans.json", code=3)
        self.assertIn('"bird" (12 samples)', refused.stderr)
        self.prepare("b", "--schema", self.folder / "scans.json", "--unknown-labels", "skip")
        skipped = [json.loads(line) for line in (self.folder / "b-shards/skipped.jsonl").read_text().splitlines()]
        self.assertEqual({one["reason"] for one in skipped}, {'the schema has no class "bird"'})
        self.assertEqual(len(skipped), 12)

    def test_a_schema_of_a_list_or_a_run_file_is_the_same(self):
        write_owner(self.folder / "a", ["cat", "dog"], count=4)
        self.prepare("a", "--name", "scans", "--image-size", 16)
        of_shard = json.loads(self.schema("--shard", self.folder / "a-shards").stdout)
        of_run = json.loads(self.schema("--run", self.run_file("a"), "--dataset", "scans").stdout)
        self.assertEqual(of_run, of_shard)
        (self.folder / "classes.txt").write_text("cat\ndog\n")
        of_list = json.loads(self.schema("--classes", self.folder / "classes.txt", "--dataset", "scans", "--modality", "image",
                                         "--image-size", 16).stdout)
        self.assertEqual(of_list, of_shard)
        self.assertIn("it has scans", self.schema("--run", self.run_file("a"), "--dataset", "scan", code=2).stderr)
        self.assertIn("--shard, --classes and --run", self.schema(code=2).stderr)
        (self.folder / "classes.txt").write_text("cat\ncat\n")
        self.assertIn("twice", self.schema("--classes", self.folder / "classes.txt", "--dataset", "scans", "--modality", "text",
                                           code=2).stderr)

    def test_what_is_said_otherwise_than_in_the_schema_is_wrong_use(self):
        write_owner(self.folder / "a", ["cat", "dog"], count=4)
        (self.folder / "classes.txt").write_text("cat\ndog\n")
        self.schema("--classes", self.folder / "classes.txt", "--dataset", "scans", "--modality", "image", "--image-size", 16,
                    "--out", self.folder / "scans.json")
        schema = ("--schema", self.folder / "scans.json")
        self.assertIn("--name is other", self.prepare("a", *schema, "--name", "other", code=2).stderr)
        self.assertIn("--image-size is 32", self.prepare("a", *schema, "--image-size", 32, code=2).stderr)
        self.assertIn("--schema FILE", self.prepare("a", "--unknown-labels", "skip", code=2).stderr)
        (self.folder / "scans.json").write_text("[]")
        self.assertIn("scans.json", self.prepare("a", *schema, code=2).stderr)


if __name__ == "__main__":
    unittest.main()
