// ProgressThrottle: which `progress` events a reader is given: those that say something new, and
// one a minute to show that the coordinator lives. A coordinator that waits for a client for days
// makes two a second, all alike.
#pragma once

#include "absl/time/time.h"
#include "server/round/events.h"

namespace tributary {

// One for each reader. Not thread-safe.
class ProgressThrottle {
 public:
  // Whether `event` is to be given on. Events of other kinds always are.
  bool Passes(const RunEvent& event) {
    if (event.kind != "progress") return true;
    const absl::Time now = absl::FromUnixMillis(event.unix_ms);
    if (event.data == last_ && now - passed_ < absl::Minutes(1)) return false;
    last_ = event.data;
    passed_ = now;
    return true;
  }

 private:
  nlohmann::json last_;
  absl::Time passed_ = absl::InfinitePast();
};

}  // namespace tributary
