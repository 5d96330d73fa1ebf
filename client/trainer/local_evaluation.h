// Evaluation of a model on a client's own test part.
//
// Needs no LibTorch to be included.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/model/model_spec.h"
#include "common/tensor/state_dict.h"
#include "common/train/task_counts.h"

namespace tributary {

class Samples;

struct LocalEvaluation {
  std::string device = "cpu";  // common/model/device.h
  int threads = 1;             // of the computation
};

// Counts what the model of `weights` (the tensors of TensorScope::kPlain; others beside them are
// ignored) does on `samples`. `spec`: as of the run; auxiliary weights are not loaded, since a
// global's gates are 0 and merged weights have none. FailedPrecondition: `weights` does not fit the
// model, or a label is not among its classes. DataLoss: a sample cannot be read. Internal: scores
// that are not finite. ResourceExhausted: out of memory.
absl::StatusOr<TaskCounts> EvaluateLocally(const ModelSpec& spec, const Samples& samples,
                                           const StateDict& weights,
                                           const LocalEvaluation& options);

}  // namespace tributary
