// RoundGoal: how many rounds a run has, which an operator may change while it runs.
//
// The last round is always evaluated, and a round that is committed without it cannot become the
// last. So the goal may go down to the last committed round if that was evaluated, else to the one
// after it; and the round in progress decides at its merge, once, whether it is evaluated.
//
// Thread-safe.
#pragma once

#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace tributary {

class RoundGoal {
 public:
  static constexpr int kMostRounds = 1'000'000;  // as of the run file

  explicit RoundGoal(int rounds) : rounds_(rounds) {}

  int rounds() const;
  // What a start finds: `round` is the last committed one (0: none).
  void Begin(int round, bool evaluated);
  // Whether `round` is still to be run. After a no the goal is fixed.
  bool Wants(int round);
  // Whether `round`, which is merged now, is evaluated, because it is one of each `every` or the
  // last: as of this moment. A later change cannot make it the last one if it is not.
  bool DecideEvaluation(int round, int every);
  // Sets the goal after `record` has returned OK. InvalidArgument for a number that is too large or
  // below what can be the last round; FailedPrecondition when the last round is done.
  absl::Status Set(int rounds, const std::function<absl::Status()>& record);

 private:
  mutable absl::Mutex mutex_;
  int rounds_ ABSL_GUARDED_BY(mutex_);
  int least_ ABSL_GUARDED_BY(mutex_) = 1;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tributary
