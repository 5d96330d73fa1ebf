// ProgressBoard: the worker's progress, which the worker writes and the deciding thread puts into
// heartbeats.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

// Thread-safe.
class ProgressBoard {
 public:
  // `on_change` is called with a lock held at the first change after each Take(); it must not call
  // back.
  explicit ProgressBoard(std::function<void()> on_change) : on_change_(std::move(on_change)) {}

  void Begin(uint32_t round) {
    absl::MutexLock lock(&mutex_);
    progress_.emplace().set_round(round);
    Change();
  }
  // "pull", "train" or "push".
  void Stage(absl::string_view stage) {
    absl::MutexLock lock(&mutex_);
    if (!progress_) return;
    progress_->set_stage(stage.data(), stage.size());
    Change();
  }
  void Step(uint32_t step, uint32_t steps, double loss) {
    absl::MutexLock lock(&mutex_);
    if (!progress_) return;
    progress_->set_step(step);
    progress_->set_steps(steps);
    loss_sum_ += loss;
    ++losses_;
    Change();
  }
  void End() {
    absl::MutexLock lock(&mutex_);
    progress_.reset();
    loss_sum_ = losses_ = 0;
    Change();
  }

  // Whether anything happened since the last Take().
  bool changed() const {
    absl::MutexLock lock(&mutex_);
    return changed_;
  }
  // The progress, or nothing if the worker is idle. The loss is the mean over the steps since the
  // last Take(), or the last known one if there was no step since.
  std::optional<v1::Progress> Take() {
    absl::MutexLock lock(&mutex_);
    changed_ = false;
    if (progress_ && losses_ > 0) {
      progress_->set_loss(loss_sum_ / losses_);
      loss_sum_ = losses_ = 0;
    }
    return progress_;
  }

 private:
  void Change() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!std::exchange(changed_, true)) on_change_();
  }

  const std::function<void()> on_change_;
  mutable absl::Mutex mutex_;
  std::optional<v1::Progress> progress_ ABSL_GUARDED_BY(mutex_);
  double loss_sum_ ABSL_GUARDED_BY(mutex_) = 0;
  double losses_ ABSL_GUARDED_BY(mutex_) = 0;
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tributary
