// The state of a round as plain data, and the pure decision what to do with it.
//
//   waiting -> training -> aggregating -> evaluating -> committed
//                 |  ^
//                 +--+ retried: the deadline passed without a quorum
//
// A client's fault closes that client's part of the round and nothing else; only the coordinator's
// own faults (its disk, its models) end a run. Every wait has a reason in words and a time at which
// it ends.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/config/run_config.h"

namespace tributary {

enum class Phase { kWaiting, kTraining, kAggregating, kEvaluating, kCommitted, kPaused, kFinished };
absl::string_view PhaseName(Phase phase);

// What is known of a sampled client's task.
enum class TaskState {
  kOffered,   // not acknowledged yet
  kAccepted,  // the client works on it
  kPushing,   // its update is arriving
  kReported,  // its update is held and verified
  kFailed,    // the client or its update was given up
};

struct Participant {
  std::string client;
  TaskState state = TaskState::kOffered;
};

struct RoundState {
  int round = 0;
  int attempt = 0;  // from 0
  absl::Time deadline = absl::InfiniteFuture();
  std::vector<Participant> cohort;
};

struct RoundDecision {
  enum class Action { kWait, kClose, kRetry };
  Action action = Action::kWait;
  std::string reason;                         // in words, for log, status and events
  absl::Time until = absl::InfiniteFuture();  // kWait: when to decide again at the latest
};

// The first four names, and how many more there are.
std::string NameSome(const std::vector<std::string>& names);

// How many of `cohort` clients are a quorum: ceil(quorum * cohort), at least 1.
int QuorumOf(int cohort, double quorum);

// What to do with a round in training:
// - all have answered: close, if a quorum has reported; else retry;
// - before the deadline: wait for the others, whom the reason names;
// - past the deadline with a quorum: close, after `grace` more if updates are arriving;
// - past the deadline without a quorum: retry.
RoundDecision Decide(absl::Time now, const RoundState& state, const RoundConfig& config);

// Who should attend before a round is sampled, and who does.
struct Attendance {
  int expected = 0;                                 // clients that the run file expects
  int attending = 0;                                // that are ready for tasks
  bool every_dataset = false;                       // at least one of each dataset
  absl::Time waiting_since = absl::InfinitePast();  // since when somebody is missed

  bool complete() const { return attending >= expected && every_dataset; }
};

// Whether to sample now: everybody is there, or `patience` is over and each dataset has a client.
// kRetry does not occur. Without a client of each dataset the wait goes on, with its reason.
RoundDecision DecideStart(absl::Time now, const Attendance& attendance, absl::Duration patience);

}  // namespace tributary
