#include "common/base/clock.h"

namespace tributary {

const Clock& SystemClock() {
  class Machine : public Clock {
    absl::Time Now() const override { return absl::Now(); }
  };
  static const Machine kMachine;
  return kMachine;
}

}  // namespace tributary
