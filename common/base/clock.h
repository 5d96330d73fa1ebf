// Time as a parameter: everything on the coordinator that waits takes a Clock, and tests advance
// one.
#pragma once

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace tributary {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

// The machine's clock. Never destroyed; safe to use from any thread.
const Clock& SystemClock();

// A clock that stands still until it is told otherwise. Thread-safe.
class SimulatedClock : public Clock {
 public:
  explicit SimulatedClock(absl::Time start) : now_(start) {}
  absl::Time Now() const override {
    absl::MutexLock lock(&mutex_);
    return now_;
  }
  void Advance(absl::Duration by) {
    absl::MutexLock lock(&mutex_);
    now_ += by;
  }

 private:
  mutable absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
