// The local loop that all kinds of clients share: batches, loss, gradients, optimizer steps.
// Source: algorithm.md section 3.
#pragma once

#include <atomic>

#include "absl/status/statusor.h"
#include "client/trainer/batch_queue.h"
#include "client/trainer/local_trainer.h"
#include "client/trainer/objective.h"
#include "common/model/transformer.h"

namespace tributary {

// Trains `model` over all of `queue` with a new AdamW, and fills all of the result but `upload` and
// `seconds`. Throws what LibTorch throws; the errors are those of LocalTrainer::Train().
absl::StatusOr<TrainingResult> RunTrainingLoop(const LocalTask& task, const Objective& objective,
                                               const OnTrainingStep& on_step,
                                               const std::atomic<bool>& cancelled,
                                               BatchQueue* queue, Transformer* model);

}  // namespace tributary
