// A run's global model, with what its file should say of it.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/model/model_file.h"
#include "common/tensor/state_dict.h"

namespace tributary {

struct RunModel {
  StateDict global;
  FileMetadata metadata;  // with `round`, where it is known
};

// The global model of `dataset` after `round`; without a round, of the last committed one. `run`:
// the folder of a run, finished or under way, or one with the models/ of a finished run alone.
// Errors as of ReadCommittedModel() (server/store/committed_models.h); NotFound also for a folder
// without any model; DataLoss for a models.json that is not as a coordinator writes it.
absl::StatusOr<RunModel> ReadRunModel(const std::string& run, const std::string& dataset,
                                      std::optional<int> round);

}  // namespace tributary
