// LocalTrainer: one client's work in a round, from the downloaded weights to the upload.
//
//   Samples --(background threads: shuffle, decode, augment)--> batches --> objective of the
//   client's kind (image, text, pair) --> gradients --> AdamW, new each round --> merged weights
//
// Everything that a round needs beyond the samples is made and freed within Train(). With the same
// inputs, seed and thread count the result has the same bits. Source: docs/algorithm.md section 3.
//
// Needs no LibTorch to be included. Not thread-safe; Train() may be called on any one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/model/model_spec.h"
#include "common/tensor/state_dict.h"
#include "common/train/local_training.h"

namespace tributary {

class Samples;

struct TrainerOptions {
  std::string device = "cpu";  // common/model/device.h
  int threads = 1;             // of the computation
};

// What to do in one round. Random choices are drawn from streams named by seed, round and client.
struct LocalTask {
  int round = 1;  // from 1
  uint64_t seed = 1;
  std::string client;
  LocalTraining training;
  bool shuffle = true;  // each epoch takes the samples in another order
};

struct TrainingResult {
  StateDict upload;  // W + g * A under plain names, changes of control variates, and features of
                     // the public set, in the order of ModelManifest(kUpload)
  StateDict method_state = {};  // for the client's next round: its own control variates
  double first_loss = 0;        // mean over the samples of the first epoch
  double last_loss = 0;         // of the last epoch
  int64_t steps = 0;
  double seconds = 0;
  // Of the steps over the client's own samples: waiting for their batches, and all else.
  double wait_seconds = 0;
  double step_seconds = 0;
};

// Called after each step: `step` of `steps` are done, the last one had loss `loss`.
using OnTrainingStep = std::function<void(int64_t step, int64_t steps, double loss)>;

class LocalTrainer {
 public:
  // `samples` give the modality; common/train/shard_samples.h makes them from a shard.
  // `public_samples`: of the public set; null where spec.public_samples is 0.
  // InvalidArgument: the spec makes no model, no such device, or settings out of range.
  // FailedPrecondition: there are no samples, or CUDA is asked for and absent.
  static absl::StatusOr<std::unique_ptr<LocalTrainer>> Create(
      const ModelSpec& spec, std::unique_ptr<Samples> samples, const TrainerOptions& options,
      std::unique_ptr<Samples> public_samples = nullptr);
  ~LocalTrainer();
  LocalTrainer(const LocalTrainer&) = delete;
  LocalTrainer& operator=(const LocalTrainer&) = delete;

  int64_t sample_count() const;

  // Trains as `task` says from `downloaded` (the tensors of TensorScope::kDownload, gates start at
  // 0). `method_state`: TrainingResult::method_state of the client's last merged round; empty if
  // there is none. Looks at `cancelled` before each step: Cancelled. FailedPrecondition:
  // `downloaded` or `method_state` does not fit the model. DataLoss: a sample cannot be read.
  // Internal: a loss that is not finite; the message names step and learning rate.
  // ResourceExhausted: out of memory.
  absl::StatusOr<TrainingResult> Train(const StateDict& downloaded, const LocalTask& task,
                                       const OnTrainingStep& on_step,
                                       const std::atomic<bool>& cancelled,
                                       const StateDict& method_state = {});

 private:
  struct Parts;
  explicit LocalTrainer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace tributary
