#include "common/base/terminal.h"

#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

#include "absl/strings/string_view.h"

namespace tributary {
namespace {

constexpr size_t kLeastColumns = 40;
constexpr size_t kLeastRows = 10;

absl::string_view Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes it
  return value == nullptr ? "" : value;
}

}  // namespace

TerminalSize SizeOfTerminal(int file) {
  winsize size{};
  if (ioctl(file, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {.rows = size.ws_row, .columns = size.ws_col};
}

bool CanRepaint(int file) {
  if (isatty(file) == 0 || !Variable("NO_COLOR").empty()) return false;
  if (const absl::string_view term = Variable("TERM"); term.empty() || term == "dumb") return false;
  const TerminalSize size = SizeOfTerminal(file);
  return size.columns >= kLeastColumns && size.rows >= kLeastRows;
}

}  // namespace tributary
