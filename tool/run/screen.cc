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
  for (const std::string& line : lines) std::printf("%s\n", line.substr(0, width - 1).c_str());
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
