// `tributary pause`, `resume`, `stop`, `evict`, `forgive` and `set`: what an operator does to a
// running coordinator.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tool/operator_commands.h"

namespace CLI {
class App;
}

namespace tributary {

// The flags of all six; those that a command has not stay empty.
struct OperatorAction {
  OperatorCommand command;
  std::string reason;
  std::string client;
  std::string assignment;  // "rounds=40"
};

// Adds the six subcommands to `app`. `action` must outlive it.
void AddOperatorActions(CLI::App* app, OperatorAction* action);

// Carries out the one that was parsed and prints what has come of it; nothing if none was.
std::optional<absl::Status> RunOperatorAction(const CLI::App& app, const OperatorAction& action);

// The number of "rounds=N". InvalidArgument, with what is expected, for anything else.
absl::StatusOr<uint32_t> ParseRounds(const std::string& assignment);

}  // namespace tributary
