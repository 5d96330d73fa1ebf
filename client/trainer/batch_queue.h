// BatchQueue: prepares a round's batches in a thread of its own, a few ahead of the steps. Samples
// that are dear to read, as shards of originals are, spread a batch over more threads
// (shard_samples.h).
//
// The order of samples comes from stream (seed, "shuffle", round, client), augmentation from (seed,
// "augment", ...), both drawn by the one thread in the order of the batches: timing changes
// nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "client/trainer/local_trainer.h"
#include "common/train/samples.h"

namespace tributary {

class BatchQueue {
 public:
  // Starts the thread. `word_places`: empty, or for each row of the word table its place in the
  // model's shortened one, which tokens are translated to. `samples` and `word_places` must outlive
  // the queue.
  BatchQueue(const Samples& samples, const LocalTask& task,
             const std::vector<int64_t>& word_places);
  // Stops the thread, however many batches are left.
  ~BatchQueue();
  BatchQueue(const BatchQueue&) = delete;
  BatchQueue& operator=(const BatchQueue&) = delete;

  // The last batch of an epoch may be shorter.
  int64_t batches_per_epoch() const { return batches_per_epoch_; }
  // The next batch; at most epochs * batches_per_epoch() times. After an error: the same error.
  absl::StatusOr<Batch> Next();

 private:
  void Run();
  absl::StatusOr<Batch> Prepare(absl::Span<const int64_t> rows, RandomStream* augment) const;
  // Waits for room; false once the queue is being destroyed.
  bool Put(absl::StatusOr<Batch> batch);

  const Samples& samples_;
  const LocalTask task_;
  const std::vector<int64_t>& word_places_;
  const int64_t batches_per_epoch_;
  absl::Mutex mutex_;
  std::deque<absl::StatusOr<Batch>> ready_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tributary
