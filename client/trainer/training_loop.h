// The local loop that all kinds of clients share: batches, loss, gradients, optimizer steps.
// Source: docs/algorithm.md section 3.
#pragma once

#include <atomic>

#include "absl/status/statusor.h"
#include "client/trainer/batch_queue.h"
#include "client/trainer/control_variates.h"
#include "client/trainer/local_trainer.h"
#include "client/trainer/objective.h"
#include "client/trainer/public_pass.h"
#include "common/model/transformer.h"

namespace tributary {

// What a method adds to the loop; null where it does not.
struct TrainingTerms {
  PublicPass* public_pass = nullptr;   // after each epoch
  ControlVariates* control = nullptr;  // in each step over the client's own data
};

// Trains `model` over all of `queue` with a new AdamW, and fills all of the result but `upload`,
// `method_state` and `seconds`. Losses are those of the client's own data. Throws what LibTorch
// throws; the errors are those of LocalTrainer::Train().
absl::StatusOr<TrainingResult> RunTrainingLoop(const LocalTask& task, const Objective& objective,
                                               const TrainingTerms& terms,
                                               const OnTrainingStep& on_step,
                                               const std::atomic<bool>& cancelled,
                                               BatchQueue* queue, Transformer* model);

}  // namespace tributary
