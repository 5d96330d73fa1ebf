// What a terminal can do, for programs that repaint a block of lines in place.
#pragma once

#include <cstddef>

namespace tributary {

struct TerminalSize {
  size_t rows = 24;
  size_t columns = 80;
};

// The size of the terminal behind file descriptor `file`; 24 x 80 if it is none or does not tell.
TerminalSize SizeOfTerminal(int file);

// Whether text on `file` may be painted over: it is a terminal of at least 40 columns and 10 rows,
// TERM names one that can do so (not "dumb", not unset), and NO_COLOR (no-color.org) does not ask
// for text without control sequences. Elsewhere programs print plain lines.
bool CanRepaint(int file);

}  // namespace tributary
