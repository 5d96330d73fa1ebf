// The folder of a run, and of the programs that are started for it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/config/run_config.h"

namespace tributary {

// "out/<name>-<method>-<time>", where no --out is given.
std::string DefaultRunFolder(const RunConfig& config);

// Sees to it that no finished run is written over: removes `folder` if it holds one and `fresh` is
// set; without `fresh` that is InvalidArgument. An unfinished run stays, and is gone on with.
absl::Status PrepareRunFolder(const std::string& folder, bool fresh);

// The folder of the running program, in which the project's others are.
std::string BinaryFolder();

}  // namespace tributary
