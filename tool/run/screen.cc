#include "tool/run/screen.h"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

#include "common/base/terminal.h"

namespace tributary {
namespace {

// As much of `line` as fits in `columns`, whole letters of UTF-8; one letter is taken as one
// column.
std::string Fitting(const std::string& line, size_t columns) {
  size_t end = 0, letters = 0;
  for (; end < line.size(); ++end) {
    const bool begins_letter = (static_cast<unsigned char>(line[end]) & 0xC0) != 0x80;
    if (begins_letter && ++letters > columns) break;
  }
  return line.substr(0, end);
}

}  // namespace

size_t Screen::MostLines() { return SizeOfTerminal(STDOUT_FILENO).rows - 1; }

void Screen::Erase() {
  if (painted_ > 0) std::printf("\033[%zuA\033[J", painted_);
  painted_ = 0;
}

void Screen::Paint(const std::vector<std::string>& lines) {
  if (!terminal_) return;
  Erase();
  const TerminalSize size = SizeOfTerminal(STDOUT_FILENO);
  // Cut to the terminal's width and height: Erase() moves up by the number of lines, but not beyond
  // the top of the screen, and a line that wraps takes two.
  const size_t shown = std::min(lines.size(), MostLines());
  for (size_t i = 0; i < shown; ++i) {
    std::printf("%s\n", Fitting(lines[i], size.columns - 1).c_str());
  }
  painted_ = shown;
  block_ = lines;
  std::fflush(stdout);
}

void Screen::Print(const std::string& line) {
  const bool repaint = painted_ > 0;
  Erase();
  std::printf("%s\n", line.c_str());
  if (repaint) Paint(block_);
  std::fflush(stdout);
}

}  // namespace tributary
