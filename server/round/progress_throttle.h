// ProgressThrottle: which `progress` events a reader is given: those that say something new, and
// one a minute to show that the coordinator lives. A coordinator that waits for a client for days
// makes two a second, all alike.
#pragma once

#include <string>

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

// WaitingLines: when a log for people says what the coordinator waits for: something else than it
// said last, and at most once a minute; the same again after ten.
class WaitingLines {
 public:
  // Whether the message of `event` is to be logged. No for events of other kinds.
  bool Passes(const RunEvent& event) {
    if (event.kind != "progress" || event.message.empty()) return false;
    const absl::Time now = absl::FromUnixMillis(event.unix_ms);
    const absl::Duration quiet = event.message == said_ ? absl::Minutes(10) : absl::Minutes(1);
    if (now - passed_ < quiet) return false;
    said_ = event.message;
    passed_ = now;
    return true;
  }

 private:
  std::string said_;
  absl::Time passed_ = absl::InfinitePast();
};

}  // namespace tributary
