#include "server/round/active_round.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace tributary {

void ActiveRound::Set(std::shared_ptr<LiveRound> live) {
  absl::MutexLock lock(&mutex_);
  live_.swap(live);  // the old one, which may hold much, goes after the lock
}

std::shared_ptr<LiveRound> ActiveRound::Get() const {
  absl::MutexLock lock(&mutex_);
  return live_;
}

std::shared_ptr<LiveRound> ActiveRound::Get(uint32_t round, uint32_t attempt) const {
  std::shared_ptr<LiveRound> live = Get();
  const bool same = live != nullptr && static_cast<uint32_t>(live->round()) == round &&
                    static_cast<uint32_t>(live->attempt()) == attempt;
  return same ? live : nullptr;
}

absl::StatusOr<std::shared_ptr<LiveRound>> ActiveRound::Find(uint32_t round) const {
  std::shared_ptr<LiveRound> live = Get();
  if (live != nullptr && static_cast<uint32_t>(live->round()) == round) return live;
  return absl::FailedPreconditionError(
      absl::StrCat("round ", round, " is not under way",
                   live == nullptr ? "" : absl::StrCat("; round ", live->round(), " is")));
}

void ActiveRound::SetEvaluation(std::shared_ptr<EvaluationRound> evaluation) {
  absl::MutexLock lock(&mutex_);
  evaluation_.swap(evaluation);
}

std::shared_ptr<EvaluationRound> ActiveRound::Evaluation() const {
  absl::MutexLock lock(&mutex_);
  return evaluation_;
}

std::shared_ptr<EvaluationRound> ActiveRound::Evaluation(uint32_t round, uint32_t attempt) const {
  std::shared_ptr<EvaluationRound> evaluation = Evaluation();
  const bool same = evaluation != nullptr && static_cast<uint32_t>(evaluation->round()) == round &&
                    static_cast<uint32_t>(evaluation->attempt()) == attempt;
  return same ? evaluation : nullptr;
}

absl::StatusOr<std::shared_ptr<ModelDownloads>> ActiveRound::FindDownloads(uint32_t round) const {
  std::shared_ptr<EvaluationRound> evaluation = Evaluation();
  if (evaluation != nullptr && static_cast<uint32_t>(evaluation->round()) == round) {
    return evaluation;
  }
  return Find(round);
}

}  // namespace tributary
