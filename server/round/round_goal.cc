#include "server/round/round_goal.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace tributary {

int RoundGoal::rounds() const {
  absl::MutexLock lock(&mutex_);
  return rounds_;
}

void RoundGoal::Begin(int round, bool evaluated) {
  absl::MutexLock lock(&mutex_);
  least_ = std::max(1, evaluated ? round : round + 1);
}

bool RoundGoal::Wants(int round) {
  absl::MutexLock lock(&mutex_);
  over_ = round > rounds_;
  return !over_;
}

bool RoundGoal::DecideEvaluation(int round, int every) {
  absl::MutexLock lock(&mutex_);
  const bool evaluated = round % every == 0 || round == rounds_;
  least_ = evaluated ? round : round + 1;
  return evaluated;
}

absl::Status RoundGoal::Set(int rounds, const std::function<absl::Status()>& record) {
  absl::MutexLock lock(&mutex_);
  if (over_) return absl::FailedPreconditionError("the last round is done: the run is finished");
  if (rounds < least_ || rounds > kMostRounds) {
    return absl::InvalidArgumentError(
        absl::StrCat("rounds is ", rounds, ", expected a number from ", least_, " to ", kMostRounds,
                     ": rounds that are done stay, and the last one must be evaluated"));
  }
  RETURN_IF_ERROR(record());
  rounds_ = rounds;
  return absl::OkStatus();
}

}  // namespace tributary
