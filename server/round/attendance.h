// Who attends, and who of them is sampled: pure functions of what the registry knows of clients.
#pragma once

#include <vector>

#include "absl/types/span.h"
#include "server/aggregation/scope.h"
#include "server/registry/client_registry.h"
#include "server/registry/run_context.h"
#include "server/round/round_state.h"

namespace tributary {

// `known`: all clients that the run has seen. Sets all but `waiting_since`.
Attendance AttendanceOf(absl::Span<const ClientInfo> known, const RunContext& context);

// The cohort of a round: of the clients that attend, those whom SampleCohort() draws; in increasing
// order of name.
std::vector<CohortMember> SampleMembers(absl::Span<const ClientInfo> known, const RunConfig& config,
                                        int round, int attempt);

}  // namespace tributary
