// `tributary status` and `tributary watch`: the state and the events of a running coordinator.
#pragma once

#include "tool/operator_client.h"

namespace CLI {
class App;
}

namespace tributary {

struct OperatorCommand {
  OperatorAddress address;
  bool json = false;
};

void AddOperatorFlags(CLI::App* app, OperatorCommand* command);

// Prints the run's state and a line per client; with --json one object.
absl::Status RunStatusCommand(const OperatorCommand& command);

// Prints events as they come, until the run ends.
absl::Status RunWatchCommand(const OperatorCommand& command);

}  // namespace tributary
