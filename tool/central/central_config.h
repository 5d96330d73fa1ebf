// A run file as central training reads it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/run_config.h"

namespace tributary {

// Reads a run file with `overrides` as a federation does, but for its method, which becomes
// "central": no client sends anything, so there is nothing to merge, and no complementary layers,
// control variates, public set or proximal term, whatever the file says. Errors as LoadRunConfig().
absl::StatusOr<RunConfig> LoadCentralConfig(const std::string& path,
                                            const std::vector<std::string>& overrides);

}  // namespace tributary
