// SimulatedClock: a clock for tests. It stands still until the test advances it, and then wakes
// whoever waits for the time that has come, so that no test sleeps or polls.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"

namespace tributary {

// Thread-safe.
class SimulatedClock : public Clock {
 public:
  explicit SimulatedClock(absl::Time start) : now_(start) {}
  absl::Time Now() const override;
  bool AwaitWithDeadline(absl::Mutex* mutex, const absl::Condition& condition,
                         absl::Time deadline) const override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  // Moves the time on and wakes the waiters whose deadline has come. Locks their mutexes: the
  // caller must hold none of them.
  void Advance(absl::Duration by);
  // Returns once at least `count` threads wait.
  void AwaitWaiters(size_t count) const;

 private:
  struct Waiter {
    absl::Mutex* mutex;
    absl::Time deadline;
    bool due = false;     // its deadline has come; guarded by *mutex
    bool waking = false;  // Advance() is about to set `due`; guarded by the clock's mutex_
  };

  mutable absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
  mutable std::vector<Waiter*> waiters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
