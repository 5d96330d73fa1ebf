// The training data of all clients of a dataset, in one place.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "common/config/run_config.h"
#include "common/data/shard.h"
#include "common/data/tokenizer.h"
#include "common/train/samples.h"

namespace tributary {

// Opens and verifies client-00/train.shard ... of `dataset`, and unites them. `test`: what the
// dataset's test shard says of itself, which all must agree with: name, modality, classes and image
// size. `threads`: of reading samples, at least 1. NotFound, DataLoss and FailedPrecondition name
// the dataset and the file.
absl::StatusOr<std::unique_ptr<Samples>> OpenAllClients(
    const DatasetConfig& dataset, const ShardInfo& test, int64_t max_tokens,
    const std::shared_ptr<const Tokenizer>& tokenizer, int threads);

}  // namespace tributary
