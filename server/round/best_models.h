// BestModels: the models of a run's best round beside the last ones, and when to stop for want of a
// better one.
//
//   STATE/best/DATASET.safetensors   all global models after that round
//   STATE/best/best.json             {round, metric, value, model_hash}
//
// What is best is a pure function of the committed rounds, so a run that was killed chooses as one
// that was not. best/ is put in place as a whole: it is complete whenever it is there. A kill
// between a commit and this leaves the models in that commit's checkpoint, from which Open() takes
// them. Does nothing where `evaluation.best` is not set; what an earlier start has kept then stays
// as it is.
//
// Not thread-safe: the thread that commits uses it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/config/best_metric.h"
#include "server/registry/run_context.h"
#include "server/store/run_store.h"

namespace tributary {

struct BestRound {
  int round = 0;
  double value = 0;
  std::string model_hash = {};
};

// Where a run stands by its metric.
struct BestStanding {
  std::optional<BestRound> best = {};
  int since = 0;                // evaluations after the best round, none of them better
  bool last_evaluated = false;  // whether the last round is one of the evaluated ones
};

// Takes the next committed round into `standing`. `kept`: whether its models can still be had; a
// round whose models are gone cannot be the best. A tie leaves the earlier round.
void TakeRound(const RoundRecord& record, const BestMetric& metric, bool kept,
               BestStanding* standing);

class BestModels {
 public:
  // The pointers must outlive this. The context's `evaluation.best` must be valid, as that of a run
  // file that was read is.
  BestModels(const RunContext* context, const RunStore* store) : context_(context), store_(store) {}

  // To be called first, with all committed rounds: finds the best and completes best/ where the
  // last process did not come to it. A run that sets `evaluation.best` only now begins with the
  // rounds whose checkpoints are left. DataLoss if best.json cannot be read.
  absl::Status Open(const std::vector<RoundRecord>& history);

  // After each commit: keeps `models`, those of `record`, if it is the best so far; returns whether
  // it is. FailedPrecondition if the coordinator evaluated the round without the metric that is
  // asked for.
  absl::StatusOr<bool> Take(const RoundRecord& record, const ModelSet& models);

  const std::optional<BestRound>& best() const { return standing_.best; }
  // {round, metric, value, model_hash}; null if there is none.
  nlohmann::json ToJson() const;
  // Why the run ends now, in words; nothing while it goes on (`evaluation.patience`).
  std::optional<std::string> ReasonToStop() const;

 private:
  std::string Folder() const { return store_->folder() + "/best"; }
  absl::Status PickUpPieces() const;
  // The round that best/ holds by this metric; nothing if there is none.
  absl::StatusOr<std::optional<int>> StoredRound() const;
  absl::Status Write(const ModelSet& models) const;

  const RunContext* const context_;
  const RunStore* const store_;
  std::optional<BestMetric> metric_;
  BestStanding standing_;
};

// Adds `best` to a run's result, and `stopped_early` where it ended before its last round,
// `rounds`, for the reason that is returned.
std::optional<std::string> AddBest(const BestModels& models, int rounds, nlohmann::json* result);

}  // namespace tributary
