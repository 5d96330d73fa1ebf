// RoundTimings: where a round's time goes: `stages` of the round_committed event. Stages overlap:
// they do not add up to the round.
#pragma once

#include <atomic>
#include <cstdint>

#include <nlohmann/json.hpp>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace tributary {

// From the first begin to the last end of what may happen many times at once. Thread-safe.
class WallSpan {
 public:
  void Begin() {
    const absl::Time now = absl::Now();
    absl::MutexLock lock(&mutex_);
    if (first_ > now) first_ = now;
  }
  void End() {
    const absl::Time now = absl::Now();
    absl::MutexLock lock(&mutex_);
    if (last_ < now) last_ = now;
  }
  double seconds() const {
    absl::MutexLock lock(&mutex_);
    return last_ < first_ ? 0 : absl::ToDoubleSeconds(last_ - first_);
  }

 private:
  mutable absl::Mutex mutex_;
  absl::Time first_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  absl::Time last_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

// Seconds of work, all threads added up. Thread-safe.
class WorkTime {
 public:
  // Counts from its making to its end.
  class Scope {
   public:
    explicit Scope(WorkTime* work) : work_(work), begin_(absl::GetCurrentTimeNanos()) {}
    ~Scope() { work_->nanos_ += absl::GetCurrentTimeNanos() - begin_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    WorkTime* const work_;
    const int64_t begin_;
  };
  double seconds() const { return static_cast<double>(nanos_.load()) * 1e-9; }

 private:
  std::atomic<int64_t> nanos_ = 0;
};

struct RoundTimings {
  WorkTime encode;      // the models, to chunks
  WallSpan send;        // the first pull's first chunk to the last pull's last
  WallSpan receive;     // the first push's header to the last push's last chunk
  WorkTime decode;      // verifying chunks
  WorkTime accumulate;  // adding updates to the sums
  WorkTime merge;       // sums, and updates that were kept as plain values, to new globals; and
                        // writing those, where the method does not change them afterwards
  WorkTime commit;      // the rest of writing, and waiting for the disk

  // {"encode": seconds, ...}
  nlohmann::json ToJson() const {
    return {{"encode", encode.seconds()},         {"send", send.seconds()},
            {"receive", receive.seconds()},       {"decode", decode.seconds()},
            {"accumulate", accumulate.seconds()}, {"merge", merge.seconds()},
            {"commit", commit.seconds()}};
  }
};

}  // namespace tributary
