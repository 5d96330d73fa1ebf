// Committed models of a state folder, for readers beside the coordinator that may be using it.
//
// A coordinator keeps its newest checkpoints and writes over the files of older ones. Whether a
// checkpoint is still there is therefore asked once more after its file was read: only then were
// the values those that were committed.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/tensor/state_dict.h"

namespace tributary {

struct CommittedModel {
  int round = 0;
  StateDict global;
};

// The global model of `dataset` after `round`; without a round, after the last committed one.
// Changes nothing in the folder.
// NotFound where there is no such model, with the rounds or datasets that there are; Aborted if
// that checkpoint was dropped while it was read; DataLoss for a damaged file; FailedPrecondition
// for a folder of another version.
// `when_read`: called after the values were read, before it is asked whether they still count; for
// tests of a coordinator that commits in between.
absl::StatusOr<CommittedModel> ReadCommittedModel(
    const std::string& folder, const std::string& dataset, std::optional<int> round,
    const std::function<void()>& when_read = [] {});

// Whether the folder is one that a coordinator keeps its run in.
bool HoldsRun(const std::string& folder);

}  // namespace tributary
