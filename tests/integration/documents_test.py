"""Keeps the documents true: every key, event and link in them exists, and every one that exists is in them."""

import os
import pathlib
import re
import subprocess
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TOOL = pathlib.Path(os.environ["TRIBUTARY_BIN"]) / "tributary"


MOST_LINES_OF_README = 140
PROGRAMS = ("common", "preparation", "server", "client", "tool")


def code_of(*folders):
    return "\n".join(p.read_text() for folder in folders for p in sorted((SOURCE / folder).rglob("*.cc")))


def pages():
    """Every Markdown file of the repository, build folders and virtual environments aside."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=SOURCE,
                            capture_output=True, text=True, check=False)
    if listed.returncode != 0:  # a source archive
        return [*SOURCE.glob("*.md"), *SOURCE.glob("docs/**/*.md"), *SOURCE.glob("tests/**/*.md")]
    return [SOURCE / name for name in listed.stdout.splitlines() if (SOURCE / name).exists()]


def without_code(text):
    return re.sub(r"^( *)```.*?^\1```", "", text, flags=re.M | re.S)


def anchors_of(text):
    """Names of a page's headings, as GitHub makes them."""
    anchors = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", without_code(text), re.M):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = 0
        while (name if number == 0 else f"{name}-{number}") in anchors:
            number += 1
        anchors.add(name if number == 0 else f"{name}-{number}")
    return anchors


def texts_of_code():
    """All that programs and scripts may print: string literals, adjacent ones joined, and whole scripts."""
    texts = []
    for folder in PROGRAMS:
        for path in sorted([*(SOURCE / folder).rglob("*.cc"), *(SOURCE / folder).rglob("*.h")]):
            joined = re.sub(r'(?<!\\)"\s*\n\s*"', "", path.read_text())
            texts += re.findall(r'"((?:[^"\\\n]|\\.)*)"', joined)
    texts += [path.read_text() for path in sorted((SOURCE / "deploy").glob("*.sh"))]
    return "\n".join(texts).replace('\\"', '"')


class Documents(unittest.TestCase):
    def test_every_key_of_the_run_file_is_described_and_no_other(self):
        """After a change of the tables, put what `tributary settings` prints into the page."""
        printed = subprocess.run([TOOL, "settings"], capture_output=True, text=True, check=True).stdout
        page = (SOURCE / "docs/run-file.md").read_text().split("# Sweep files")[0]
        for text in (printed, page):
            self.assertGreater(len(self.tables(text)), 10)
        self.maxDiff = None
        self.assertEqual(self.tables(printed), self.tables(page))

    @staticmethod
    def tables(text):
        """The table of each heading, without what the heading says after a colon."""
        found = re.findall(r"^## ([^:\n]+).*\n((?:(?!## ).*\n)*)", text, re.M)
        return {heading: "\n".join(re.findall(r"^\|.*$", body, re.M)) for heading, body in found}

    def test_every_event_is_described_and_no_other(self):
        emitted = set(re.findall(r'Emit(?:Live)?\(\s*"([a-z_]+)"', code_of("server")))
        rows = set(re.findall(r"^\| `([a-z_]+)` \|", (SOURCE / "docs/events.md").read_text().split("## `result")[0], re.M))
        self.assertGreater(len(emitted), 10)
        self.assertEqual(emitted, (rows - {"kind"}) | {"progress"})

    def test_every_codec_is_described(self):
        words = re.findall(r'\.word = "([a-z0-9-]+)"', (SOURCE / "common/codec/codec_table.h").read_text())
        self.assertGreater(len(words), 5)
        codecs = (SOURCE / "docs/codecs.md").read_text()
        rows = re.findall(r"`([a-z0-9-]+)`", " ".join(re.findall(r"^\| (`[^|]*) \|", codecs, re.M)))
        self.assertEqual(sorted(word for word in words if word not in rows), [])
        key = re.search(r"^\| `upload` \|.*$", (SOURCE / "docs/run-file.md").read_text(), re.M).group()
        self.assertEqual(sorted(word for word in words if f"`{word}`" not in key), [])

    def test_every_dataset_is_described(self):
        help_text = subprocess.run([TOOL, "prepare", "--help"], capture_output=True, text=True, check=True).stdout
        names = re.findall(r"^\s+([a-z][a-z0-9-]+): ", help_text, re.M)
        self.assertGreater(len(names), 10)
        text = "\n".join(page.read_text() for page in [*SOURCE.glob("docs/datasets/*.md"), SOURCE / "docs/own-data.md"])
        self.assertEqual([name for name in names if f"`{name}`" not in text], [])

    def test_every_option_of_prepare_is_described(self):
        help_text = subprocess.run([TOOL, "prepare", "--help"], capture_output=True, text=True, check=True).stdout
        options = set(re.findall(r"^\s+(?:-\w,)?(--[a-z-]+)", help_text, re.M)) - {"--help", "--source"}
        self.assertGreater(len(options), 15)
        page = (SOURCE / "docs/datasets/README.md").read_text()
        pages = page + (SOURCE / "docs/datasets/icons-and-glosses.md").read_text()
        self.assertEqual(sorted(option for option in options if f"`{option}" not in pages and option not in pages), [])

    def test_links_lead_to_files_and_headings(self):
        broken = []
        for page in pages():
            for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
                if re.match(r"[a-z]+:", link):
                    continue
                name, _, anchor = link.partition("#")
                target = (page.parent / name).resolve() if name else page
                found = target.exists() and (not anchor or anchor in anchors_of(target.read_text()))
                if not found or not target.is_relative_to(SOURCE):
                    broken.append(f"{page.relative_to(SOURCE)}: {link}")
        self.assertEqual(broken, [])

    def test_every_page_is_in_the_index(self):
        index = (SOURCE / "docs/README.md").read_text() + (SOURCE / "docs/datasets/README.md").read_text()
        pages_of_docs = [p.name for p in SOURCE.glob("docs/**/*.md") if p.name != "README.md"]
        self.assertGreater(len(pages_of_docs), 15)
        self.assertEqual([name for name in pages_of_docs if f"{name})" not in index], [])

    def test_named_paths_exist(self):
        folders = "deploy|tests|docs|proto|" + "|".join(PROGRAMS)
        missing = []
        for page in pages():
            for path in re.findall(rf"`((?:{folders})/[\w./-]*)(?=[`# ])", page.read_text()):
                if "NAME" not in path and not (SOURCE / path).exists():
                    missing.append(f"{page.relative_to(SOURCE)}: {path}")
        self.assertEqual(missing, [])

    def test_the_readme_is_short(self):
        self.assertLessEqual(len((SOURCE / "README.md").read_text().splitlines()), MOST_LINES_OF_README)

    def test_messages_in_troubleshooting_are_printed_by_the_code(self):
        rows = re.findall(r"^\| (`.+?) \| ", (SOURCE / "docs/troubleshooting.md").read_text(), re.M)
        messages = [message for row in rows for message in re.findall(r"`([^`]+)`", row)]
        self.assertGreater(len(messages), 60)
        printed = texts_of_code()
        self.assertEqual([m for m in messages if max(map(len, m.split("…"))) < 10], [], "too short to be found")
        strange = [message for message in messages
                   if not all(part.strip() in printed for part in message.split("…"))]
        self.assertEqual(strange, [])

    def test_the_help_of_every_script_ends_well(self):
        for script in ["deploy/quickstart.sh", "deploy/build-image.sh", "deploy/make-certs.sh", "tests/run.sh", "tests/lint.sh"]:
            done = subprocess.run([SOURCE / script, "--help"], capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(pathlib.Path(script).name, done.stdout)


if __name__ == "__main__":
    unittest.main()
