// `tributary run`: a whole federation on this machine.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace CLI {
class App;
}

namespace tributary {

struct RunCommand {
  std::string run_file;
  std::vector<std::string> overrides;
  std::string out;  // empty: out/<name>-<method>-<time>
  bool fresh = false;
  bool json = false;
};

void AddRunFlags(CLI::App* app, RunCommand* command);

// Starts coordinator and clients, shows progress, prints the result. An unfinished run in the
// folder is resumed; of a finished one of the same settings the result is printed again.
// `interrupted`, if not null, says whether SIGINT has stopped the run, which is OK as well.
absl::Status RunFederation(const RunCommand& command, std::atomic<bool>* interrupted = nullptr);

}  // namespace tributary
