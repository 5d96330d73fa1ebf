// `tributary status` and `tributary watch`: the state and the events of a running coordinator.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tool/operator_client.h"

namespace CLI {
class App;
}

namespace tributary {

struct OperatorCommand {
  OperatorAddress address;
  bool json = false;
  std::string since;  // of `watch`: see ParseSince(); empty: since the coordinator's start
};

void AddOperatorFlags(CLI::App* app, OperatorCommand* command);

// Prints the run's state and a line per client; with --json one object.
absl::Status RunStatusCommand(const OperatorCommand& command);

// Also --since.
void AddWatchFlags(CLI::App* app, OperatorCommand* command);

// The time that `text` means at `now`: a duration back from it ("2h"), a time in RFC 3339, a local
// one ("2026-01-31", "2026-01-31 14:02"), or "all" for the beginning. InvalidArgument for others.
absl::StatusOr<absl::Time> ParseSince(const std::string& text, absl::Time now);

// Shows events as they come, until the run ends: on a terminal as a screen that is repainted in
// place, elsewhere and with --json as lines.
absl::Status RunWatchCommand(const OperatorCommand& command);

}  // namespace tributary
