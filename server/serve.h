// Serve: a run whose data and models are given, from an open port to its last round. What
// tributary-server does with a run file and held-out data, and what a benchmark does with neither.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/initial_models.h"
#include "server/method/method_hooks.h"
#include "server/registry/run_context.h"
#include "server/round/coordinator.h"

namespace tributary {

struct ServePlan {
  RunContext context;
  const MethodHooks* hooks = nullptr;
  std::string state;  // folder
  bool json = false;  // events as JSON lines on standard output
  // Called for a new run only.
  std::function<absl::StatusOr<InitialModels>(const RunContext&)> make_initial;
  std::function<absl::StatusOr<EvaluateGlobals>(const RunContext&)> make_evaluate;
};

// Runs the federation until it is finished (OK), was stopped (OK: a stop is not an error), or
// failed. State folder, certificates and port are checked before the first client may join.
absl::Status Serve(ServePlan plan);

}  // namespace tributary
