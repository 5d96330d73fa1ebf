// The folder of a run, and of the programs that are started for it.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "common/config/run_config.h"

namespace tributary {

// "out/<name>-<method>-<time>", where no --out is given.
std::string DefaultRunFolder(const RunConfig& config);

// Sees to it that no finished run is written over: removes `folder` if it holds one and `fresh` is
// set; without `fresh` that is InvalidArgument. An unfinished run stays, and is gone on with.
absl::Status PrepareRunFolder(const std::string& folder, bool fresh);

// How many rounds the finished run in `folder` has, by its result.json; nothing if there is none,
// or if it is not a result.
std::optional<int> RoundsOfResult(const std::string& folder);

// The folder of the running program, in which the project's others are.
std::string BinaryFolder();

}  // namespace tributary
