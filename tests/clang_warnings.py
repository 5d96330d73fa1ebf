#!/usr/bin/env python3
"""clang's warnings, as errors, on files of this repository. Generates no code.

    tests/clang_warnings.py BUILD [FILE.cc...]

BUILD is a build folder of the preset clang, with its generated headers (target tributary_generated). Without FILEs: every
file that the preset compiles. Reading other projects' headers takes about ten times as long as reading a file of ours, so
they are read once, as a precompiled header, and then each file with the flags of its own compile command.
Exit codes: 0 clean, 1 something was found, 2 wrong use.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OURS = ("common/", "preparation/", "server/", "client/", "tool/", "tests/")
# These read macros of whoever includes them, or only few files include them.
APART = ("hwy/", "CLI/", "toml++/", "opencv2/", "librsvg/", "benchmark/")
INCLUDE = re.compile(r'^#include ([<"]([^>"]+)[>"])', re.MULTILINE)


def read_commands(build):
    """File, relative to the repository -> (folder to run in, compiler and flags without input and output)."""
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        if build in path.parents:
            continue  # generated
        words = shlex.split(entry["command"])
        if words[0].endswith("ccache"):
            del words[0]
        at = words.index("-o")
        del words[at : at + 2]
        flags = [word for word in words if word not in ("-c", entry["file"])]
        commands.setdefault(str(path.relative_to(ROOT)), (entry["directory"], flags))
    return commands


def others_headers(files):
    """What these files, and our headers, include of other projects."""
    ours = subprocess.run(["git", "ls-files", "*.h"], cwd=ROOT, capture_output=True, text=True, check=True)
    found = set()
    for name in [*files, *ours.stdout.split()]:
        if (ROOT / name).exists():
            found.update(INCLUDE.findall((ROOT / name).read_text()))
    return sorted(written for written, name in found if not name.startswith(OURS + APART))


def shared_flags(commands):
    """One command for the precompiled header: every folder and every definition of any file, but no warnings."""
    compiler = next(iter(commands.values()))[1][0]
    flags = {}
    for _, words in commands.values():
        for word, following in zip(words, words[1:]):
            if word == "-isystem":
                flags[word, following] = None
            elif following.startswith(("-D", "-O", "-std", "-f")) and not following.startswith("-DTRIBUTARY_"):
                flags[(following,)] = None
    return [compiler, *(word for flag in flags for word in flag)]


def precompile(commands, files, build):
    header, output = build / "others.h", build / "others.pch"
    header.write_text("".join(f"#include {name}\n" for name in others_headers(files)))
    command = [*shared_flags(commands), "-fpch-instantiate-templates", "-x", "c++-header", header, "-o", output]
    if subprocess.run(command, cwd=build, check=False).returncode != 0:
        sys.exit(f"clang_warnings: {header} cannot be precompiled: clang's lines above say why")
    return output


def check(name, command, header):
    """What clang says of the file: empty if it is clean."""
    folder, flags = command
    # The definitions of the two differ by what the file's own project headers read.
    words = [*flags, "-Xclang", "-fno-validate-pch", "-include-pch", header, "-fsyntax-only", ROOT / name]
    done = subprocess.run(words, cwd=folder, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == 0:
        return ""
    return done.stderr.replace(f"{ROOT}/", "") or f"{name}: clang ended with {done.returncode}\n"


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__) if "--help" in sys.argv else sys.exit(2)
    build = pathlib.Path(sys.argv[1]).resolve()
    commands = read_commands(build)
    files = sys.argv[2:] or sorted(commands)
    unknown = [name for name in files if name not in commands]
    if unknown:
        print(f"clang_warnings: not compiled by {build}: {', '.join(unknown)}", file=sys.stderr)
        return 2
    header = precompile(commands, files, build)
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        said = list(pool.map(lambda name: check(name, commands[name], header), files))
    sys.stderr.writelines(said)
    bad = sum(1 for text in said if text)
    print(f"clang_warnings: {len(files)} files, {bad} with warnings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
