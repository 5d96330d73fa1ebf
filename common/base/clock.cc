#include "common/base/clock.h"

#include "absl/time/clock.h"

namespace tributary {

const Clock& SystemClock() {
  class Machine : public Clock {
    absl::Time Now() const override { return absl::Now(); }
    bool AwaitWithDeadline(absl::Mutex* mutex, const absl::Condition& condition,
                           absl::Time deadline) const override
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
      return mutex->AwaitWithDeadline(condition, deadline);
    }
  };
  static const Machine kMachine;
  return kMachine;
}

}  // namespace tributary
