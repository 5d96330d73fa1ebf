// MergeProgress: which tensors of a merge have their new values, so that others may go on with them
// while it lasts.
//
// Thread-safe. Whoever waits is let go by Done(): each merge must end with it.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/tensor/tensor.h"

namespace tributary {

class MergeProgress {
 public:
  // Which tensors will be written, and in how many parts each.
  void Expect(absl::flat_hash_map<const Tensor*, size_t> parts) {
    absl::MutexLock lock(&mutex_);
    left_ = std::move(parts);
  }
  // A part of `tensor` has its new values.
  void PartWritten(const Tensor* tensor) {
    absl::MutexLock lock(&mutex_);
    --(*left_)[tensor];
  }
  // Nothing more comes. Not OK: tensors that were still to be written have no new values.
  void Done(absl::Status status) {
    absl::MutexLock lock(&mutex_);
    end_ = std::move(status);
  }

  // Waits until `tensor` has its new values, or is known to keep its old ones. Not OK if the merge
  // came to an end before.
  absl::Status Await(const Tensor* tensor) const {
    const auto ready = [this, tensor]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
      if (end_.has_value()) return true;
      if (!left_.has_value()) return false;
      const auto left = left_->find(tensor);
      return left == left_->end() || left->second == 0;
    };
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&ready));
    return end_.value_or(absl::OkStatus());
  }

 private:
  mutable absl::Mutex mutex_;
  std::optional<absl::flat_hash_map<const Tensor*, size_t>> left_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
