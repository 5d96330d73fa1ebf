"""Every kind of bad input gives one clear line, the documented exit code, and leaves the state folder usable."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

import tiny_federation as tiny

TOOL, SERVER, CLIENT = (tiny.BIN / name for name in ("tributary", "tributary-server", "tributary-client"))


def flip_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


class BadInputTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="bad_input_test."))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        tiny.write_source(cls.folder / "source")
        tiny.prepare(cls.folder / "source", cls.folder / "data")
        cls.run_file = tiny.write_run_file(cls.folder / "run.toml", cls.folder / "data", 1)

    def refused(self, command, code, *words):
        """Runs a command that must fail with `code` and one line of error that holds `words`."""
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        line = [line for line in done.stderr.splitlines() if line][-1]
        for word in words:
            self.assertIn(word, line)
        return line

    def server(self, *more, state="state"):
        return [SERVER, "--run", self.run_file, "--state", self.folder / state, "--listen", "127.0.0.1:0", *more]

    def run_completes(self, out, *more):
        run = tiny.Run(self.run_file, out, *more)
        self.addCleanup(run.kill)
        code, result = run.finish()
        self.assertEqual(code, 0, run.process.stderr.read())
        return result

    # Run files

    def test_a_misspelt_key_is_named_with_the_nearest_one(self):
        for program in ([TOOL, "run", self.run_file], self.server()):
            self.refused([*program, "--set", "local.epoch=3"], 2, "local.epoch", "did you mean `local.epochs`?")

    def test_a_misspelt_key_in_the_file_is_named_with_its_line(self):
        path = self.folder / "misspelt.toml"
        text = self.run_file.read_text().replace("batch = 16", "bach = 16")
        path.write_text(text)
        line = text[:text.index("bach")].count("\n") + 1
        self.refused([TOOL, "run", path], 2, f"misspelt.toml:{line}:", "local.batch")

    def test_impossible_values_are_refused_with_what_is_possible(self):
        for text, *words in (("rounds=0", "from 1"), ("round.fraction=1.5", "from 0 to 1"), ("method=fedsgd", "fedcola"),
                             ("model.dim=9", "divisible by heads"), ("round.deadline=soon", "90s"),
                             ("aggregation.rule=papper", "paper, release"), ("aggregation.share=heads", "attn")):
            with self.subTest(text):
                self.refused(self.server("--set", text), 2, text.split("=")[0].split(".")[-1], *words)

    def test_an_address_to_listen_on_has_a_port(self):
        for address in ("127.0.0.1:99999", "127.0.0.1", "unix:/tmp/t.sock", ":7700", "127.0.0.1:http"):
            with self.subTest(address):
                server = [SERVER, "--run", self.run_file, "--state", self.folder / "listen"]
                self.refused([*server, "--listen", address], 2, "--listen", "HOST:PORT", address)
                self.refused([*server, "--set", f"server.listen={address}"], 2, "server.listen", "HOST:PORT", address)
                self.refused([TOOL, "status", "--server", address], 2, "--server", "HOST:PORT", address)

    def test_creamfl_says_what_it_needs(self):
        creamfl = ("--set", "method=creamfl")
        self.refused(self.server(*creamfl, "--set", "creamfl.public="), 2, "creamfl.public")
        self.refused(self.server(*creamfl, "--set", "local.complementary=all"), 2, "local.complementary")
        self.refused(self.server(*creamfl, "--set", "creamfl.samples=500", state="few"), 3, "creamfl.samples")
        nowhere = f"creamfl.public={self.folder}/nowhere"
        self.refused([TOOL, "run", self.run_file, *creamfl, "--set", nowhere], 3, "creamfl.public", "nowhere")

    def test_what_is_not_toml_is_refused_with_its_line(self):
        path = self.folder / "broken.toml"
        path.write_text('name = "x"\nrounds = = 3\n')
        self.refused([TOOL, "run", path], 2, "broken.toml:2")

    def test_a_missing_run_file_is_named(self):
        self.refused([TOOL, "run", self.folder / "none.toml"], 2, "none.toml")
        self.refused([TOOL, "plan", self.folder / "none.toml"], 2, "none.toml")

    def test_unknown_flags_are_wrong_use(self):
        for program in (TOOL, SERVER, CLIENT):
            done = subprocess.run([program, "--nonsense"], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2, done.stderr)

    # Data

    def test_missing_shards_say_how_to_make_them(self):
        path = tiny.write_run_file(self.folder / "nowhere.toml", self.folder / "nowhere", 1)
        self.refused([TOOL, "run", path], 3, "nowhere", "tributary prepare")
        self.refused([SERVER, "--run", path, "--state", self.folder / "s"], 3, "nowhere", "tributary prepare")

    def test_missing_sources_say_which_package_to_fetch(self):
        self.refused([TOOL, "prepare", "--dataset", "icon-names", "--source", self.folder / "none", "--out",
                      self.folder / "x"], 3, "adwaita-icon-theme")
        self.refused([TOOL, "prepare", "--dataset", "nonsense", "--out", self.folder / "x"], 2, "icon-names")

    def test_a_flipped_byte_in_a_test_shard_stops_the_coordinator(self):
        data = self.folder / "flipped"
        shutil.copytree(self.folder / "data", data)
        flip_byte(data / "icon-contexts/test/test.shard")
        path = tiny.write_run_file(self.folder / "flipped.toml", data, 1)
        self.refused([SERVER, "--run", path, "--state", self.folder / "flipped-state"], 3, "test.shard",
                     "checksum", "prepare it again")

    def test_a_flipped_byte_in_a_clients_shard_stops_that_client(self):
        data = self.folder / "flipped-client"
        shutil.copytree(self.folder / "data/wordnet-glosses/client-00", data)
        flip_byte(data / "train.shard")
        self.refused([CLIENT, "--server", "127.0.0.1:9", "--data", data, "--state", self.folder / "c1", "--name", "c1",
                      "--device", "cpu"], 3, "train.shard", "checksum")

    # Peers

    def client_is_refused(self, data, server, *words):
        """Starts a coordinator, and a client on `data` that it must refuse with `words`."""
        coordinator = subprocess.Popen(server, stdout=subprocess.PIPE, text=True)
        self.addCleanup(coordinator.wait)
        self.addCleanup(coordinator.kill)
        address = coordinator.stdout.readline().split()[-1]
        self.refused([CLIENT, "--server", address, "--data", data, "--state", self.folder / f"{data.parent.name}-client",
                      "--name", "c2", "--device", "cpu"], 3, *words)
        coordinator.stdout.close()

    def test_a_client_of_another_image_size_is_refused(self):
        data = self.folder / "other-size"
        subprocess.run([TOOL, "prepare", "--dataset", "icon-contexts", "--source", self.folder / "source", "--out", data,
                        "--clients", "1", "--image-size", "24"], check=True, capture_output=True)
        self.client_is_refused(data / "client-00", self.server(state="refusing"), "image size 24", "expects 32")

    def test_a_client_without_the_public_set_is_refused(self):
        self.client_is_refused(self.folder / "data/icon-contexts/client-00",
                               self.server("--set", "method=creamfl", state="public"), "no public set", "--public")

    def test_an_address_that_does_not_answer_is_given_up(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            self.refused([CLIENT, "--server", address, "--data", self.folder / "data/wordnet-glosses/client-00", "--state",
                          self.folder / "c3", "--name", "c3", "--device", "cpu", "--connect-timeout", "1"], 1, address)
            self.refused([TOOL, "status", "--server", address], 1, address)

    def test_a_port_in_use_is_named(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            self.refused([SERVER, "--run", self.run_file, "--state", self.folder / "port", "--listen", address], 3,
                         address, "in use")

    def test_plain_text_to_other_machines_must_be_asked_for(self):
        self.refused([SERVER, "--run", self.run_file, "--state", self.folder / "plain", "--listen", "0.0.0.0:0"], 2,
                     "insecure")

    # State folders

    def test_a_state_folder_serves_one_run_and_one_coordinator(self):
        first = subprocess.Popen(self.server(state="shared"), stdout=subprocess.PIPE, text=True)
        self.addCleanup(first.wait)
        self.addCleanup(first.kill)
        first.stdout.readline()
        self.refused(self.server(state="shared"), 3, "in use by another coordinator")
        first.kill()
        first.wait()
        first.stdout.close()
        self.refused(self.server("--set", "seed=99", state="shared"), 3, "belongs to another run", "seed was 7 and is 99")

    def test_a_damaged_checkpoint_is_named(self):
        out = self.folder / "damaged"
        self.run_completes(out)
        checkpoint = next((out / "checkpoints").glob("round-000001/icon-names.safetensors"))
        flip_byte(checkpoint)
        self.refused([SERVER, "--run", self.run_file, "--state", out, "--listen", "127.0.0.1:0", "--set", "rounds=2"], 3,
                     "icon-names.safetensors", "damaged")

    def mount(self, options):
        if os.getuid() != 0:
            self.skipTest("mounting a small file system needs root")
        place = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, text=True)
        if made.returncode != 0:
            self.skipTest(f"cannot mount a small file system: {made.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", place])
        return place

    def test_a_read_only_state_folder_is_refused(self):
        place = self.mount("ro")
        self.refused([SERVER, "--run", self.run_file, "--state", place], 4, str(place), "Read-only")

    def clients(self, address):
        """Starts the clients of the run."""
        started = []
        for dataset, (_, count) in tiny.DATASETS.items():
            for i in range(count):
                name = f"{dataset}-{i:02d}"
                client = subprocess.Popen([CLIENT, "--server", address, "--data",
                                           self.folder / "data" / dataset / f"client-{i:02d}", "--state",
                                           self.folder / "full-disk" / name, "--name", name, "--device", "cpu",
                                           "--threads", "1"], stderr=subprocess.DEVNULL)
                started.append(client)
        return started

    def test_a_full_disk_ends_the_run_and_leaves_the_last_commit(self):
        # The initial models take 2.1 MB and fit; those of round 1 do not.
        place = self.mount("size=3m")
        for size, code in (("3m", 3), ("64m", 0)):
            subprocess.run(["mount", "-o", f"remount,size={size}", place], check=True)
            server = subprocess.Popen(self.server(state=place), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.addCleanup(server.wait)
            self.addCleanup(server.kill)
            clients = self.clients(server.stdout.readline().split()[-1])
            _, errors = server.communicate(timeout=120)
            for client in clients:  # they would wait for the coordinator's return
                client.kill()
                client.wait()
            self.assertEqual(server.returncode, code, errors)
            self.assertEqual("No space left" in errors, code == 3, errors)
        self.assertEqual(json.loads((place / "result.json").read_text())["rounds"], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
