// Which run a state folder belongs to.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "server/registry/run_context.h"
#include "server/store/run_store.h"

namespace tributary {

// Gives `context` the run id of the folder, or gives a new folder a random one. Returns the last
// committed round, to go on from; nothing if there is none. FailedPrecondition, with the keys that
// differ, if the folder belongs to a run of other settings. How many clients are expected is such a
// setting under control variates only.
absl::StatusOr<std::optional<int>> IdentifyRun(RunStore* store, RunContext* context);

}  // namespace tributary
