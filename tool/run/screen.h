// Screen: a block of lines that is repainted in place on a terminal; plain lines elsewhere.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tributary {

class Screen {
 public:
  // `terminal`: whether standard output is one that can be painted over (CanRepaint()).
  explicit Screen(bool terminal) : terminal_(terminal) {}

  bool terminal() const { return terminal_; }
  // How many lines of a block the terminal has room for, 23 where it does not tell.
  static size_t MostLines();
  // Replaces the block; lines beyond MostLines() are left out. Does nothing off a terminal.
  void Paint(const std::vector<std::string>& lines);
  // Prints a line that stays, above the block.
  void Print(const std::string& line);
  // Leaves the block as it is and goes on below it.
  void Release() { painted_ = 0; }

 private:
  void Erase();

  const bool terminal_;
  size_t painted_ = 0;
  std::vector<std::string> block_;
};

}  // namespace tributary
