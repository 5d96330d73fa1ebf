// Time as a parameter: everything on the coordinator that waits takes a Clock, so that tests
// advance a simulated one (common/base/simulated_clock.h) and never sleep.
#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace tributary {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;

  // Waits until `condition` holds or this clock has reached `deadline`; returns whether `condition`
  // holds. As with absl::Mutex::AwaitWithDeadline(), the caller holds `mutex`, which guards what
  // `condition` reads and is free while the caller waits.
  virtual bool AwaitWithDeadline(absl::Mutex* mutex, const absl::Condition& condition,
                                 absl::Time deadline) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) = 0;
};

// The machine's clock. Never destroyed; safe to use from any thread.
const Clock& SystemClock();

}  // namespace tributary
