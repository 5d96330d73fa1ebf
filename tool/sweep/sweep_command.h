// `tributary sweep`: runs variants of a run file over several seeds and prints a table of the
// results.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace CLI {
class App;
}

namespace tributary {

struct SweepCommand {
  std::string sweep_file;
  std::string out;  // empty: out/<sweep file's name>
  int jobs = 0;     // 0: the sweep file's
  bool json = false;
};

void AddSweepFlags(CLI::App* app, SweepCommand* command);

// Runs what is not finished yet, prints a line for each run that ends, and the table. A run that
// fails does not stop the others; Internal names how many failed.
absl::Status RunSweep(const SweepCommand& command);

}  // namespace tributary
