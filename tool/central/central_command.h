// `tributary central`: each dataset of a run file trained on all its data in one place, the
// baseline that a federation is compared with.
//
// The training itself is the program tributary-central, which this command starts and shows: the
// operator's tool links no LibTorch.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace CLI {
class App;
}

namespace tributary {

struct CentralCommand {
  std::string run_file;
  std::vector<std::string> overrides;
  std::string out;  // empty: out/<name>-central-<time>
  bool fresh = false;
  bool json = false;
};

void AddCentralFlags(CLI::App* app, CentralCommand* command);

// Trains to the end, shows progress, prints the result. A folder with an unfinished run is gone on
// with. Errors are the program's, with the status that its exit code stands for.
absl::Status RunCentral(const CentralCommand& command);

}  // namespace tributary
