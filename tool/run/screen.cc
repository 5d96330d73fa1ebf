#include "tool/run/screen.h"

#include <cstdio>

#include <sys/ioctl.h>
#include <unistd.h>

namespace tributary {
namespace {

size_t TerminalWidth() {
  winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

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

void Screen::Erase() {
  if (painted_ > 0) std::printf("\033[%zuA\033[J", painted_);
  painted_ = 0;
}

void Screen::Paint(const std::vector<std::string>& lines) {
  if (!terminal_) return;
  Erase();
  const size_t width = TerminalWidth();
  // Cut to the terminal's width: Erase() moves up by the number of lines, and a line that wraps
  // takes two.
  for (const std::string& line : lines) std::printf("%s\n", Fitting(line, width - 1).c_str());
  painted_ = lines.size();
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
