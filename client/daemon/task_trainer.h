// TaskTrainer: the daemon's view of training. It hides LibTorch, so that the daemon's tests need
// none.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "common/model/model_spec.h"
#include "common/tensor/state_dict.h"
#include "common/train/task_counts.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

struct TrainedModel {
  StateDict weights;  // after training, merged, under plain names; then what is uploaded besides
  StateDict method_state = {};  // for the client's next round; empty where nothing is kept
  v1::TrainingReport report;
  double waiting_share = 0;  // share of the time that training waited for samples
};

// Serves one model shape. Not thread-safe; used by one worker thread.
class TaskTrainer {
 public:
  // Called after each step: `step` of `steps` are done, the last one had loss `loss`.
  using OnStep = std::function<void(uint32_t step, uint32_t steps, double loss)>;

  virtual ~TaskTrainer() = default;

  // Trains as `task` says, starting from `pulled` (the tensors of a pull). `method_state`: what the
  // client's last merged round left; empty if there is none. Looks at `cancelled` before each step
  // and returns CancelledError if it is set. DataLoss: the shard is damaged.
  virtual absl::StatusOr<TrainedModel> Train(const StateDict& pulled, const StateDict& method_state,
                                             const v1::Task& task, const OnStep& on_step,
                                             const std::atomic<bool>& cancelled) = 0;

  // Counts what the model of `pulled` does on the client's own test part. FailedPrecondition: it
  // has none. DataLoss: the test part is damaged.
  virtual absl::StatusOr<TaskCounts> Evaluate(const StateDict& pulled) = 0;
};

// Makes a trainer for the model of a run; may take seconds. Called on the worker thread.
using TrainerFactory =
    std::function<absl::StatusOr<std::unique_ptr<TaskTrainer>>(const ModelSpec& model)>;

}  // namespace tributary
