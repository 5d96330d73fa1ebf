// MergeProgress: which tensors of a merge have their new values, so that others may go on with them
// while it lasts.
//
// Thread-safe. Whoever waits is let go by Done(): each merge must end with it.
#pragma once

#include <cstddef>
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
    parts_ = std::move(parts);
    expected_ = true;
  }
  // A part of `tensor` has its new values.
  void PartWritten(const Tensor* tensor) {
    absl::MutexLock lock(&mutex_);
    --parts_[tensor];
  }
  // Nothing more comes. Not OK: tensors that were still to be written have no new values.
  void Done(absl::Status status) {
    absl::MutexLock lock(&mutex_);
    status_ = std::move(status);
    done_ = true;
  }

  // Waits until `tensor` has its new values, or is known to keep its old ones. Not OK if the merge
  // came to an end before.
  absl::Status Await(const Tensor* tensor) const {
    const auto ready = [this, tensor]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
      if (done_) return true;
      if (!expected_) return false;
      const auto left = parts_.find(tensor);
      return left == parts_.end() || left->second == 0;
    };
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&ready));
    return done_ ? status_ : absl::OkStatus();
  }

 private:
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<const Tensor*, size_t> parts_ ABSL_GUARDED_BY(mutex_);
  bool expected_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
