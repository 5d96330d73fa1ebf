#!/usr/bin/env python3
"""Records a command in a terminal and draws the recording as an SVG that plays by itself.

  docs/images/record.py --cast run.cast -- build/release/bin/tributary run deploy/runs/quickstart.toml --set rounds=8
  docs/images/record.py --cast run.cast --svg docs/images/run.svg --title "tributary run"

The first line runs the command and writes what it printed, with times, as an asciicast (version 2). The second draws
one: some moments of it, evenly chosen, in a loop; without animation the last one shows. Understands what tributary
prints: text, line ends, cursor up, erase to the end of the screen.
Exit codes: 0 done, 1 the command failed, 2 wrong use.
"""

import argparse
import html
import json
import os
import pathlib
import pty
import re
import subprocess
import sys
import time

CELL, LINE = 7.83, 17  # pixels of a character and of a line at 13 px
MARGIN, BAR = 14, 34
BACKGROUND, FRAME, TEXT, QUIET = "#0d1117", "#161b22", "#c9d1d9", "#8b949e"
CONTROL = re.compile(r"\x1b\[(\d*)([AJ])|(\r)|(\n)|([^\x1b\r\n]+)")


class Screen:
    """The lines of a terminal, of which the last `rows` are seen; those that are too long go on in the next row."""

    def __init__(self, columns, rows):
        self.columns, self.rows, self.lines, self.at = columns, rows, [""], 0

    def feed(self, text):
        for count, command, carriage, line_end, words in CONTROL.findall(text):
            if command == "A":
                self.at = max(0, self.at - int(count or 1))
            elif command == "J":
                self.lines[self.at:] = [""]
            elif line_end:
                self.at += 1
                if self.at == len(self.lines):
                    self.lines.append("")
            elif words:
                self.lines[self.at] += words
            else:
                assert carriage  # every line end brings one; text never continues behind it

    def seen(self):
        wrapped = [line[begin:begin + self.columns]
                   for line in self.lines for begin in range(0, max(1, len(line)), self.columns)]
        return wrapped[-self.rows:]


def record(command, columns, rows, cast):
    """Runs `command` in a terminal of this size; its exit code."""
    process_end, terminal = pty.openpty()
    environment = dict(os.environ, COLUMNS=str(columns), LINES=str(rows))
    process = subprocess.Popen(["sh", "-c", f'stty rows {rows} cols {columns} -echo; exec "$@"', "sh", *command],
                               stdin=terminal, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    began = time.monotonic()
    with cast.open("w") as file:
        file.write(json.dumps({"version": 2, "width": columns, "height": rows}) + "\n")
        while True:
            try:
                printed = os.read(process_end, 65536)
            except OSError:  # the terminal is closed when its last process ends
                break
            if not printed:
                break
            file.write(json.dumps([round(time.monotonic() - began, 3), "o", printed.decode(errors="replace")]) + "\n")
    return process.wait()


def moments_of(cast, count):
    """Width and height of the recording, and what was seen at up to `count` moments, evenly spaced, the end included."""
    header, *events = [json.loads(line) for line in cast.read_text().splitlines()]
    screen, seen = Screen(header["width"], header["height"]), []
    for at, _, text in events:
        screen.feed(text)
        seen.append((at, screen.seen()))
    end = seen[-1][0]
    chosen = []
    for i in range(1, count + 1):
        lines = [lines for at, lines in seen if at <= end * i / count]
        if lines and (not chosen or lines[-1] != chosen[-1]):
            chosen.append(lines[-1])
    return header["width"], header["height"], chosen


def frame_of(lines, number, last):
    texts = []
    for row, line in enumerate(lines):
        if line.strip():
            y = BAR + MARGIN + row * LINE + 12
            texts.append(f'<text x="{MARGIN}" y="{y}">{html.escape(line, quote=False)}</text>')
    hidden = "" if last else ' visibility="hidden"'
    return f'<g id="f{number}"{hidden}>{"".join(texts)}</g>'


def styles_of(count, seconds, hold):
    """One set of key frames for each moment; the last is held for `hold` seconds."""
    whole = seconds + hold
    rules = []
    for number in range(count):
        begin = seconds * number / count / whole * 100
        end = 100 if number == count - 1 else seconds * (number + 1) / count / whole * 100
        after = "" if end == 100 else f"{end:.2f}%{{visibility:hidden}}"
        rules.append(f"@keyframes k{number}{{0%{{visibility:hidden}}{begin:.2f}%{{visibility:visible}}{after}}}"
                     f"#f{number}{{animation:k{number} {whole:g}s step-end infinite}}")
    return f"@media (prefers-reduced-motion:no-preference){{{''.join(rules)}}}"


def draw(cast, svg, title, count, seconds, hold):
    columns, rows, moments = moments_of(cast, count)
    width, height = round(columns * CELL + 2 * MARGIN), BAR + 2 * MARGIN + rows * LINE
    frames = "\n".join(frame_of(lines, i, i == len(moments) - 1) for i, lines in enumerate(moments))
    svg.write_text(f'''<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>{html.escape(title)}</title>
<style>text{{font:13px "DejaVu Sans Mono",Menlo,Consolas,monospace;fill:{TEXT};white-space:pre}}
{styles_of(len(moments), seconds, hold)}</style>
<rect width="{width}" height="{height}" rx="8" fill="{BACKGROUND}"/>
<path d="M0 {BAR}V8a8 8 0 0 1 8-8h{width - 16}a8 8 0 0 1 8 8v{BAR - 8}z" fill="{FRAME}"/>
<text x="{MARGIN}" y="22" style="fill:{QUIET}">{html.escape(title)}</text>
<g xml:space="preserve">
{frames}
</g>
</svg>
''')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cast", type=pathlib.Path, required=True, help="recording to write, or to draw with --svg")
    parser.add_argument("--svg", type=pathlib.Path, help="picture to draw of the recording")
    parser.add_argument("--title", default="", help="of the picture's window")
    parser.add_argument("--columns", type=int, default=118)
    parser.add_argument("--rows", type=int, default=30)
    parser.add_argument("--frames", type=int, default=24, help="moments that are drawn")
    parser.add_argument("--seconds", type=float, default=14, help="that they play")
    parser.add_argument("--hold", type=float, default=8, help="seconds for which the last one stays")
    parser.add_argument("command", nargs="*", help="to record, behind --")
    options = parser.parse_args()
    if bool(options.command) == (options.svg is not None):
        parser.error("give either a command to record or --svg to draw a recording")
    if options.command:
        return 1 if record(options.command, options.columns, options.rows, options.cast) else 0
    draw(options.cast, options.svg, options.title, options.frames, options.seconds, options.hold)
    return 0


if __name__ == "__main__":
    sys.exit(main())
