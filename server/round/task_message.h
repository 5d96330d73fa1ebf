// The task of a round as its clients are told of it: a pure function of the run's settings.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "server/registry/run_context.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

// `left`: until the round's deadline; nothing is left if it is negative. `merged_round`: the last
// one that holds an update of the client that is told; 0: none.
v1::Task MakeTask(const RunContext& context, int round, int attempt, absl::Duration left,
                  int merged_round);

// The task that has a client evaluate the new globals of `round` (EvaluationRound).
v1::Task MakeEvaluationTask(int round, int attempt, absl::Duration left);

// Ends a task of that round and attempt for its client.
v1::ServerMessage MakeCancelTask(int round, int attempt, const std::string& reason);

}  // namespace tributary
