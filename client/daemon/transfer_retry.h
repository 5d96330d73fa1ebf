// TransferRetry: whether and when a broken transfer is tried again.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "client/daemon/timings.h"
#include "client/daemon/work_gate.h"

namespace tributary {

// One for each transfer. Used by one thread.
class TransferRetry {
 public:
  // `what` begins the messages ("pulling the model of round 3"). Pointers must outlive the object.
  TransferRetry(std::string what, const Timings& timings, const WorkGate* gate,
                const CancelToken* token, RandomStream stream);

  // How long the next call may take.
  absl::Duration limit() const { return limit_; }

  // After a call under `terms` that failed with `status`, having moved something on or not: waits,
  // and returns OK if the transfer is to be tried again. Otherwise CancelledError, or `status` with
  // `what` in front, if it says that trying again will not help and has said so three times in a
  // row: once or twice may be an answer for a session that has just been replaced.
  absl::Status Consider(const absl::Status& status, bool moved_on, const WorkGate::Terms& terms);

 private:
  const std::string what_;
  const Timings timings_;
  const WorkGate* const gate_;
  const CancelToken* const token_;
  Backoff backoff_;
  absl::Duration limit_;
  int hopeless_in_a_row_ = 0;
};

}  // namespace tributary
