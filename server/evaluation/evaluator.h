// Evaluator: runs global models over held-out samples.
//
// Counting is common/train/evaluation.h's, the same that clients do; galleries of COCO's size are
// evaluated in folds besides. Source: docs/algorithm.md section 5.
//
// Needs no LibTorch to be included. Not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/model/model_spec.h"
#include "common/tensor/state_dict.h"
#include "server/evaluation/task_metrics.h"

namespace tributary {

class Samples;

// One dataset's test: the shape of its global and the samples (common/train/shard_samples.h).
struct HeldOutTask {
  ModelSpec spec;
  std::unique_ptr<Samples> samples;
};

struct EvaluatorOptions {
  std::string device = "cpu";  // common/model/device.h
  int threads = 0;             // 0: all cores
  int64_t batch = 256;
};

class Evaluator {
 public:
  // `tasks`: by dataset. InvalidArgument or FailedPrecondition if a spec makes no model, a task has
  // no samples, or the device cannot be had.
  static absl::StatusOr<std::unique_ptr<Evaluator>> Create(std::map<std::string, HeldOutTask> tasks,
                                                           const EvaluatorOptions& options);
  ~Evaluator();
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  // `global`: the plain tensors of `dataset`'s global. Auxiliary weights beside them are ignored,
  // since a global's gates are 0. NotFound: no such dataset. FailedPrecondition: other tensors.
  // Internal: scores that are not finite.
  absl::StatusOr<TaskMetrics> Evaluate(const std::string& dataset, const StateDict& global);

  // The metrics of each dataset that has a test, by name.
  absl::StatusOr<std::map<std::string, TaskMetrics>> EvaluateAll(
      const std::map<std::string, StateDict>& globals);

 private:
  struct Parts;
  explicit Evaluator(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tributary
