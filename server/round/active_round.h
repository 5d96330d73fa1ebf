// ActiveRound: the round that takes tasks and updates now, or the evaluation by clients behind it;
// neither between rounds. The coordinator sets it, handlers look it up: what they are told of is of
// this round, or comes too late.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/round/evaluation_round.h"
#include "server/round/live_round.h"
#include "server/round/model_downloads.h"

namespace tributary {

class ActiveRound {
 public:
  // Null: there is none from now on.
  void Set(std::shared_ptr<LiveRound> live);
  // Null if there is none.
  std::shared_ptr<LiveRound> Get() const;
  // The active round if it is this attempt at this round; else null.
  std::shared_ptr<LiveRound> Get(uint32_t round, uint32_t attempt) const;
  // The active round if it is this one, whatever the attempt. FailedPrecondition: it is not, and
  // what belongs to it is late.
  absl::StatusOr<std::shared_ptr<LiveRound>> Find(uint32_t round) const;

  // The evaluation by clients that is under way; there is none while a round trains.
  void SetEvaluation(std::shared_ptr<EvaluationRound> evaluation);
  std::shared_ptr<EvaluationRound> Evaluation() const;
  std::shared_ptr<EvaluationRound> Evaluation(uint32_t round, uint32_t attempt) const;

  // What a pull of `round` is served from: the round, or its evaluation. FailedPrecondition as
  // Find().
  absl::StatusOr<std::shared_ptr<ModelDownloads>> FindDownloads(uint32_t round) const;

 private:
  mutable absl::Mutex mutex_;
  std::shared_ptr<LiveRound> live_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<EvaluationRound> evaluation_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
