// `tributary run`: a whole federation on this machine.
#pragma once

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
// folder is resumed.
absl::Status RunFederation(const RunCommand& command);

}  // namespace tributary
