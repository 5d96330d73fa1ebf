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

// The global model of `dataset` after the best round so far, by the run's `evaluation.best`: what
// the folder's best/ holds. NotFound where the run keeps no best models or none of `dataset`;
// Aborted if a better round is put in its place at this moment.
absl::StatusOr<RunModel> ReadBestModel(const std::string& run, const std::string& dataset);

}  // namespace tributary
