"""deploy/make-certs.sh: what it issues, what it keeps, and what it refuses."""
import pathlib
import re
import stat
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "make-certs.sh"


def openssl(*arguments) -> str:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=True).stdout


class CertificatesTest(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.out = pathlib.Path(self.scratch.name) / "certs"

    def make(self, *arguments, code: int = 0) -> str:
        result = subprocess.run([SCRIPT, "--out", self.out, *arguments], capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout + result.stderr

    def text(self, name: str) -> str:
        return openssl("x509", "-in", self.out / f"{name}.crt", "-noout", "-text")

    def names(self, name: str) -> list[str]:
        text = openssl("x509", "-in", self.out / f"{name}.crt", "-noout", "-ext", "subjectAltName")
        return sorted(part.strip() for part in text.splitlines()[1].split(","))

    def days(self, name: str) -> float:
        """How long a certificate is valid as a whole."""
        dates = openssl("x509", "-in", self.out / f"{name}.crt", "-noout", "-dates", "-dateopt", "iso_8601")
        begin, end = (subprocess.run(["date", "-d", date, "+%s"], capture_output=True, text=True, check=True).stdout
                      for date in re.findall(r"=(.*)Z", dates))
        return (int(end) - int(begin)) / 86400

    def test_everybody_gets_a_certificate_of_the_authority(self):
        self.make("--client", "icons-00", "--client", "words-00", "--operator", "anna")
        for name in ("coordinator", "client-icons-00", "client-words-00", "operator-anna"):
            self.assertIn("OK", openssl("verify", "-CAfile", self.out / "ca.crt", self.out / f"{name}.crt"))
            self.assertIn("CA:FALSE", self.text(name))
        self.assertIn("CA:TRUE", self.text("ca"))
        self.assertFalse((self.out / "operator-operator.crt").exists())

    def test_names_say_who_may_do_what(self):
        self.make("--client", "icons-00", "--operator", "anna", "--host", "example.org", "--host", "10.0.0.7",
                  "--host", "fe80::1")
        self.assertEqual(self.names("client-icons-00"), ["URI:tributary://client/icons-00"])
        self.assertEqual(self.names("operator-anna"), ["URI:tributary://operator/anna"])
        self.assertEqual(self.names("coordinator"), [
            "DNS:example.org", "IP Address:10.0.0.7", "IP Address:FE80:0:0:0:0:0:0:1",
            "URI:tributary://coordinator/coordinator"])
        self.assertIn("TLS Web Server Authentication", self.text("coordinator"))
        self.assertNotIn("TLS Web Client Authentication", self.text("coordinator"))
        for name in ("client-icons-00", "operator-anna"):
            self.assertIn("TLS Web Client Authentication", self.text(name))
            self.assertNotIn("TLS Web Server Authentication", self.text(name))

    def test_the_loopback_is_the_default(self):
        self.make()
        self.assertEqual(self.names("coordinator"), [
            "DNS:localhost", "IP Address:0:0:0:0:0:0:0:1", "IP Address:127.0.0.1",
            "URI:tributary://coordinator/coordinator"])
        self.assertTrue((self.out / "operator-operator.crt").exists())

    def test_keys_are_their_owners_alone(self):
        self.make("--client", "a")
        for path in self.out.iterdir():
            mode = stat.S_IMODE(path.stat().st_mode)
            self.assertEqual(mode, 0o600 if path.suffix == ".key" else 0o644, path)

    def test_keys_belong_to_their_certificates_and_differ(self):
        self.make("--client", "a", "--client", "b")
        keys = set()
        for name in ("ca", "coordinator", "client-a", "client-b"):
            public = openssl("x509", "-in", self.out / f"{name}.crt", "-noout", "-pubkey")
            self.assertEqual(public, openssl("pkey", "-in", self.out / f"{name}.key", "-pubout"))
            keys.add(public)
        self.assertEqual(len(keys), 4)

    def test_what_is_there_is_kept_and_what_is_missing_is_added(self):
        self.make("--client", "a")
        before = {path.name: path.read_bytes() for path in self.out.iterdir()}
        said = self.make("--client", "a", "--client", "b")
        for name, content in before.items():
            self.assertEqual((self.out / name).read_bytes(), content, name)
        self.assertIn("kept   client-a.crt", said)
        self.assertIn("made   client-b.crt", said)

    def test_another_host_makes_another_certificate_of_the_coordinator_alone(self):
        self.make("--client", "a")
        before = {path.name: path.read_bytes() for path in self.out.iterdir()}
        self.make("--client", "a", "--host", "example.org")
        changed = {name for name, content in before.items() if (self.out / name).read_bytes() != content}
        self.assertEqual(changed, {"coordinator.crt", "coordinator.key"})
        self.assertIn("DNS:example.org", self.names("coordinator"))

    def test_a_certificate_of_another_authority_is_replaced(self):
        self.make("--client", "a")
        for name in ("ca.crt", "ca.key"):
            (self.out / name).unlink()
        self.make("--client", "a")
        self.assertIn("OK", openssl("verify", "-CAfile", self.out / "ca.crt", self.out / "client-a.crt"))

    def test_a_certificate_that_ends_within_a_day_is_replaced(self):
        self.make("--client", "a", "--days", "1")
        self.assertIn("made   client-a.crt", self.make("--client", "a"))

    def test_days_are_those_asked_for_and_ten_times_as_many_of_the_authority(self):
        self.make("--client", "a", "--days", "30")
        self.assertAlmostEqual(self.days("client-a"), 30, delta=0.01)
        self.assertAlmostEqual(self.days("ca"), 300, delta=0.01)

    def test_half_an_authority_is_not_replaced(self):
        self.make()
        (self.out / "ca.crt").unlink()
        key = (self.out / "ca.key").read_bytes()
        self.assertIn("ca.crt is missing", self.make(code=1))
        self.assertEqual((self.out / "ca.key").read_bytes(), key)

    def test_wrong_use_is_refused_before_anything_is_made(self):
        for arguments in (["--client", "../x"], ["--client", "a b"], ["--client", ""], ["--client", "x" * 65],
                          ["--operator", "a/b"], ["--host", "a,DNS:evil"], ["--host", "a b"], ["--days", "0"],
                          ["--days", "1e3"], ["--days", "-1"], ["--days"], ["--colour", "red"]):
            with self.subTest(arguments):
                self.make(*arguments, code=2)
                self.assertFalse(self.out.exists())
        result = subprocess.run([SCRIPT, "--client", "a"], capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("--out is missing", result.stderr)


if __name__ == "__main__":
    unittest.main()
