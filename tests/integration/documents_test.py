"""Keeps the documents true: every key, event and link in them exists, and every one that exists is in them."""

import os
import pathlib
import re
import subprocess
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ["TRIBUTARY_BIN"]) / "tributary"
READERS = r'\.(?:Text|Flag|Whole|Number|Time|OneOf|Sub|Each)\("([a-z_]+)"'


def code_of(*folders):
    return "\n".join(p.read_text() for folder in folders for p in sorted((SOURCE / folder).rglob("*.cc")))


class Documents(unittest.TestCase):
    def test_every_key_of_the_run_file_is_described(self):
        keys = set(re.findall(READERS, (SOURCE / "common/config/run_config.cc").read_text().replace("->", ".")))
        text = (SOURCE / "docs/run-file.md").read_text()
        words = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`[^`]+`", text))))
        self.assertGreater(len(keys), 50)
        self.assertEqual(sorted(keys - words), [])

    def test_every_event_is_described_and_no_other(self):
        emitted = set(re.findall(r'Emit(?:Live)?\(\s*"([a-z_]+)"', code_of("server")))
        rows = set(re.findall(r"^\| `([a-z_]+)` \|", (SOURCE / "docs/events.md").read_text().split("## `result")[0], re.M))
        self.assertGreater(len(emitted), 10)
        self.assertEqual(emitted, (rows - {"kind"}) | {"progress"})

    def test_every_dataset_is_described(self):
        help_text = subprocess.run([TOOL, "prepare", "--help"], capture_output=True, text=True, check=True).stdout
        names = re.findall(r"^\s+([a-z][a-z0-9-]+): ", help_text, re.M)
        self.assertGreater(len(names), 10)
        pages = "\n".join(page.read_text() for page in [*SOURCE.glob("docs/datasets/*.md"), SOURCE / "docs/own-data.md"])
        self.assertEqual([name for name in names if f"`{name}`" not in pages], [])

    def test_every_option_of_prepare_is_described(self):
        help_text = subprocess.run([TOOL, "prepare", "--help"], capture_output=True, text=True, check=True).stdout
        options = set(re.findall(r"^\s+(?:-\w,)?(--[a-z-]+)", help_text, re.M)) - {"--help", "--source"}
        self.assertGreater(len(options), 15)
        page = (SOURCE / "docs/datasets/README.md").read_text()
        pages = page + (SOURCE / "docs/datasets/icons-and-glosses.md").read_text()
        self.assertEqual(sorted(option for option in options if f"`{option}" not in pages and option not in pages), [])

    def test_links_and_paths_lead_somewhere(self):
        for document in [*SOURCE.glob("*.md"), *SOURCE.glob("docs/**/*.md")]:
            text = document.read_text()
            for link in re.findall(r"\]\(([^)#]+)", text):
                if not link.startswith("http"):
                    self.assertTrue((document.parent / link).exists(), f"{document.name}: {link}")
            named = re.findall(r"`((?:deploy|tests|common|server|client|tool|proto|docs)/[\w./-]*)(?=[`# ])", text)
            for path in named:
                self.assertTrue((SOURCE / path).exists(), f"{document.name}: {path}")

    def test_the_help_of_every_script_ends_well(self):
        for script in ["deploy/quickstart.sh", "deploy/build-image.sh", "deploy/make-certs.sh", "tests/run.sh", "tests/lint.sh"]:
            done = subprocess.run([SOURCE / script, "--help"], capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(pathlib.Path(script).name, done.stdout)


if __name__ == "__main__":
    unittest.main()
