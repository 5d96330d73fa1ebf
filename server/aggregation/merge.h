// The last step of an aggregation: sums and old globals become new globals, in place.
//
// Parameters that read each other's old values (an update that contributes to another target) are
// computed together, a block at a time, before any of that block is written: no copy of a model is
// needed. Pure in its inputs; any number of threads gives the same bits.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/tensor/tensor.h"
#include "server/aggregation/accumulator.h"
#include "server/aggregation/plain_update.h"

namespace tributary {

// new = old + factor * sum + sum over foreign of coefficient * (that tensor's old value - old),
// where sum = what `sums` holds + sum over addends of weight * that update's value.
struct MergeStep {
  struct Addend {
    std::shared_ptr<const PlainUpdate> update;
    size_t tensor;  // of that update
    double weight;
  };
  Tensor* tensor = nullptr;  // holds the old values, and the new ones in the end
  const Accumulator* sums = nullptr;
  size_t place = 0;  // of the tensor in `sums`
  double factor = 1;
  std::vector<Addend> addends = {};
  std::vector<std::pair<const Tensor*, double>> foreign = {};
};

// A merge that is under way. Its owner may go on with new values while others are still computed
// (the store writes them to the disk), and computes itself whenever it waits: a thread that only
// slept would get no core back as long as the others have work.
//
//   1. Start()   other threads begin
//   2. Await()   for each tensor that the owner goes on with, in any order
//   3. Finish()  computes what is left
//
// Await() and Finish() are for one thread, the owner's. Tensors, sums and foreign tensors of the
// steps must outlive the merge; nothing else may touch them before Finish() returns.
class RunningMerge : public PendingTensors {
 public:
  // Begins to take all steps, about in their order, on up to `threads` threads of which the owner's
  // is one: others are started, `threads` - 1 or as many as there is work for. Internal, with all
  // tensors as they were, if a foreign tensor has another number of values.
  static absl::StatusOr<std::unique_ptr<RunningMerge>> Start(std::vector<MergeStep> steps,
                                                             int threads);
  ~RunningMerge() override { Finish(); }
  RunningMerge(const RunningMerge&) = delete;
  RunningMerge& operator=(const RunningMerge&) = delete;

  // Computes until `tensor` has its new values; returns at once for a tensor without a step.
  void Await(const Tensor& tensor) override;
  // Computes what is left and lets go of the updates that the steps read. May be called again.
  void Finish();

 private:
  // Values [begin, end) of the tensors of a group: steps that must be taken together.
  struct Job {
    const std::vector<size_t>* group;
    size_t begin;
    size_t end;
  };

  explicit RunningMerge(std::vector<MergeStep> steps);
  void DoAlone(const MergeStep& step, const Job& job) const;
  void Do(const Job& job) const;
  // Does the next job. False if there is none.
  bool DoNext();
  bool IsWrittenLocked(const Tensor& tensor) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  bool IsWritten(const Tensor& tensor) const;

  std::vector<MergeStep> steps_;
  std::vector<std::vector<size_t>> groups_;  // of places in steps_
  std::vector<Job> jobs_;
  std::atomic<size_t> next_ = 0;  // of jobs_
  mutable absl::Mutex mutex_;
  // Of each tensor that is written, how many jobs are still to come.
  absl::flat_hash_map<const Tensor*, size_t> left_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> helpers_;
};

// The whole of it: Start() and Finish().
absl::Status Merge(std::vector<MergeStep> steps, int threads);

}  // namespace tributary
