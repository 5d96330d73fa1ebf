#include "common/base/simulated_clock.h"

#include <algorithm>

namespace tributary {

absl::Time SimulatedClock::Now() const {
  absl::MutexLock lock(&mutex_);
  return now_;
}

// The analysis cannot follow a mutex that is unlocked here and locked again.
bool SimulatedClock::AwaitWithDeadline(absl::Mutex* mutex, const absl::Condition& condition,
                                       absl::Time deadline) const ABSL_NO_THREAD_SAFETY_ANALYSIS {
  while (!condition.Eval()) {
    Waiter waiter{.mutex = mutex, .deadline = deadline};
    {
      absl::MutexLock lock(&mutex_);
      if (now_ >= deadline) return false;
      waiters_.push_back(&waiter);
    }
    const auto woken = [&] { return waiter.due || condition.Eval(); };
    mutex->Await(absl::Condition(&woken));
    // Advance() may have picked this waiter and be about to lock its mutex: it must come through
    // before the waiter, and perhaps the mutex, is gone.
    mutex->Unlock();
    {
      const auto left_alone = [&] { return !waiter.waking; };
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&left_alone));
      waiters_.erase(std::find(waiters_.begin(), waiters_.end(), &waiter));
    }
    mutex->Lock();
  }
  return true;
}

void SimulatedClock::Advance(absl::Duration by) {
  std::vector<Waiter*> due;
  {
    absl::MutexLock lock(&mutex_);
    now_ += by;
    for (Waiter* waiter : waiters_) {
      if (waiter->deadline > now_ || waiter->waking) continue;
      waiter->waking = true;
      due.push_back(waiter);
    }
  }
  // Outside of mutex_: a waiter's thread takes it while it holds its own.
  for (Waiter* waiter : due) {
    absl::MutexLock lock(waiter->mutex);
    waiter->due = true;
  }
  absl::MutexLock lock(&mutex_);
  for (Waiter* waiter : due) waiter->waking = false;
}

void SimulatedClock::AwaitWaiters(size_t count) const {
  const auto enough = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return waiters_.size() >= count; };
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&enough));
}

}  // namespace tributary
