// RunOperator: what an operator may do to a run. Each action is recorded (RunControl), told as an
// event `operator_action` with who did it, and takes effect at once.
//
// Thread-safe. `by`: the name in the operator's certificate, or "local".
#pragma once

#include <string>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "server/registry/client_registry.h"
#include "server/round/coordinator.h"
#include "server/round/events.h"
#include "server/round/run_events.h"

namespace tributary {

class RunOperator {
 public:
  // All must outlive this.
  RunOperator(Coordinator* coordinator, ClientRegistry* registry, EventLog* events,
              const Clock* clock)
      : coordinator_(coordinator), registry_(registry), events_(events), clock_(clock) {}

  // The round in progress is finished; none begins until Resume(). Outlives a restart.
  absl::Status Pause(const std::string& by, const std::string& reason);
  absl::Status Resume(const std::string& by);
  // Ends the run at its last commit; the same command goes on with it.
  absl::Status Stop(const std::string& by, const std::string& reason);
  // Ends the client's stream and its part of the round; it is refused, and not waited for, until it
  // is forgiven. InvalidArgument for what is no client's name.
  absl::Status Evict(const std::string& client, const std::string& by, const std::string& reason);
  absl::Status Forgive(const std::string& client, const std::string& by);
  // See RoundGoal for the numbers that are possible.
  absl::Status SetRounds(int rounds, const std::string& by);

 private:
  OperatorMark Mark(const std::string& by, const std::string& reason) const {
    return {.by = by, .when = clock_->Now(), .reason = reason};
  }

  Coordinator* const coordinator_;
  ClientRegistry* const registry_;
  RunEvents events_;
  const Clock* const clock_;
};

}  // namespace tributary
