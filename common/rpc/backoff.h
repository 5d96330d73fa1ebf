// Exponential backoff with jitter: how long to wait before the next attempt.
//
// Each wait is a uniform draw from (1 - jitter, 1] times the step's length, so that clients that
// lost the same coordinator do not all return at once. The draws come from a named RandomStream.
// The caller does the waiting: nothing here looks at a clock.
#pragma once

#include <algorithm>

#include "absl/time/time.h"
#include "common/base/random.h"

namespace tributary {

class Backoff {
 public:
  struct Options {
    absl::Duration first = absl::Milliseconds(500);
    absl::Duration most = absl::Seconds(30);
    double factor = 2;    // from one step to the next, at least 1
    double jitter = 0.5;  // in [0, 1]
  };

  Backoff(const Options& options, RandomStream stream)
      : options_(options), stream_(stream), step_(options.first) {}

  // The wait before the next attempt, at most `most`.
  absl::Duration Next() {
    const absl::Duration wait = step_ * (1 - options_.jitter * stream_.Uniform());
    step_ = std::min(step_ * options_.factor, options_.most);
    return wait;
  }

  // To be called after a success: the next wait is again `first`.
  void Reset() { step_ = options_.first; }

 private:
  const Options options_;
  RandomStream stream_;
  absl::Duration step_;
};

}  // namespace tributary
