// The files that a client keeps for a run, in the folders of its stores: each name begins with a
// hash of the run's id, so that what belongs to one run never enters another.
#pragma once

#include <string>

#include "absl/types/span.h"

namespace tributary {

// What the names of `run_id`'s files begin with: 16 hex digits of the SHA-256 of the id, which may
// hold characters that no file name can, and a hyphen. 64 bits tell the few runs of one client
// apart.
std::string RunFilePrefix(const std::string& run_id);

// Deletes the files of `folder` that belong to other runs than `runs`. Files that are not named
// like a run's stay. A folder that is not there holds nothing.
void DeleteFilesOfOtherRuns(const std::string& folder, absl::Span<const std::string> runs);

}  // namespace tributary
