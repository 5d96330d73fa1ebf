// What an operator is told of a run: a pure function of its settings and of a moment.
#pragma once

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/registry/client_registry.h"
#include "server/registry/run_context.h"
#include "server/round/progress.h"
#include "tributary/v1/operator.pb.h"

namespace tributary {

// `known`: all clients that the run has seen. `now`: tells how long ago each was heard.
v1::RunStatus RunStatusOf(const RunContext& context, const RunSnapshot& snapshot,
                          absl::Span<const ClientInfo> known, absl::Time now);

}  // namespace tributary
