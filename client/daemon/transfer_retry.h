// TransferRetry: decides whether a broken transfer is tried again, and waits until then.
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

  // To be called after a call under `terms` has failed with `status`. `moved_on`: whether it moved
  // at least one chunk. Waits and returns OK if the transfer is to be tried again. Returns
  // CancelledError if the task is cancelled, and `status` with `what` in front after three statuses
  // in a row that say that trying again is useless: one or two may be answers to a session that was
  // just replaced.
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
