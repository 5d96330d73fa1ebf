"""The scripts of deploy/: help without effect, and wrong use refused with exit code 2."""
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


class ScriptsTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)

    def run_script(self, name: str, *arguments, **environment) -> subprocess.CompletedProcess:
        return subprocess.run([DEPLOY / name, *map(str, arguments)], capture_output=True, text=True, check=False,
                              cwd=self.scratch, timeout=60, env=os.environ | environment)

    def test_help_tells_the_use(self):
        for name in ("build.sh", "build-image.sh", "install-packages.sh", "make-certs.sh", "quickstart.sh"):
            with self.subTest(name):
                result = self.run_script(name, "--help")
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn(f"deploy/{name}", result.stdout)
                self.assertIn("Exit codes", result.stdout)
                self.assertNotIn("set -euo", result.stdout, "the help ends where the script begins")

    def test_wrong_use_is_refused(self):
        for name, *arguments in (
                ("build.sh", "fastest"), ("build-image.sh", "--colour"), ("build-image.sh", "--tag"),
                ("fetch-libtorch.sh", "--gpu"), ("install-packages.sh",), ("install-packages.sh", "nonsense"),
                ("make-certs.sh", "--colour", "red"), ("quickstart.sh", "--colour"), ("quickstart.sh", "--rounds"),
                ("stage-image.sh",)):
            with self.subTest(name=name, arguments=arguments):
                result = self.run_script(name, *arguments)
                self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
                self.assertNotEqual(result.stderr + result.stdout, "")

    def test_every_list_of_packages_can_be_named(self):
        """A dry look: a list that is there is not an unknown one."""
        for path in sorted((DEPLOY / "packages").glob("*.txt")):
            lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
            self.assertTrue(lines, path)
            for line in lines:
                self.assertRegex(line, r"^[a-z0-9][a-z0-9.+-]*( *#.*)?$", path)
            self.assertEqual(len(lines), len(set(lines)), f"{path} lists a package twice")

    def test_wheels_carry_their_hashes(self):
        for path in sorted((DEPLOY / "wheels").glob("*.txt")):
            text = path.read_text().replace("\\\n", " ")
            wheels = [line for line in text.splitlines() if "==" in line and not line.startswith("#")]
            self.assertTrue(wheels, path)
            for line in wheels:
                self.assertRegex(line, r"--hash=sha256:[0-9a-f]{64}", path)

    def test_staging_without_a_build_fails_and_says_what_is_missing(self):
        result = self.run_script("stage-image.sh", self.scratch / "image", self.scratch / "no-build",
                                 LIBTORCH_ROOT=str(self.scratch / "no-torch"))
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertNotEqual(result.stderr, "")

    def test_a_libtorch_of_ones_own_is_taken_as_it_is(self):
        torch, cache = self.scratch / "torch", self.scratch / "cache"
        environment = {"LIBTORCH_ROOT": str(torch), "XDG_CACHE_HOME": str(cache)}
        result = self.run_script("fetch-libtorch.sh", **environment)
        self.assertEqual(result.returncode, 1, "it is empty")
        self.assertIn(str(torch), result.stderr)
        (torch / "lib").mkdir(parents=True)
        (torch / "lib/libtorch_cpu.so").touch()
        result = self.run_script("fetch-libtorch.sh", **environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertFalse(cache.exists(), "nothing was fetched")


if __name__ == "__main__":
    unittest.main()
