// RunModels: a run's models from one commit to the next.
//
//   Open     the last commit's, or the initial ones, committed as round 0
//   Merge    the globals take in what a round's clients sent; the method has its say
//   Commit   they are published to the next round's clients and stored with the round's record
//
// The hooks that make and change models (server/method/method_hook.h) are called here. Each model
// is written to the disk as soon as it can be: the globals while the rest of them is merged, unless
// the method may yet change them; what is published is encoded meanwhile.
//
// Not thread-safe: the coordinator's own thread uses it. What it has published may be read by any
// thread, for as long as somebody holds it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "server/aggregation/aggregator.h"
#include "server/method/method_hooks.h"
#include "server/registry/run_context.h"
#include "server/round/published_model.h"
#include "server/round/round_timings.h"
#include "server/store/run_store.h"

namespace tributary {

// Computes the metrics of the globals that have held-out data, by dataset.
using EvaluateGlobals = std::function<absl::StatusOr<std::map<std::string, TaskMetrics>>(
    const std::map<std::string, StateDict>&)>;

// A round that takes no updates any more: what a merge needs of it.
struct ClosedRound {
  int round = 0;
  // That it holds, in increasing order of client; their representations are still the aggregator's.
  std::vector<MergedUpdate> updates;
  Aggregator* aggregator = nullptr;
  RoundTimings* timings = nullptr;
};

class RunModels {
 public:
  struct Dependencies {
    const RunContext* context;
    RunStore* store;
    const MethodHooks* hooks;
    const Clock* clock;
    EvaluateGlobals evaluate;
  };
  // The pointers must outlive this.
  explicit RunModels(Dependencies dependencies) : deps_(std::move(dependencies)) {}

  // To be called first: loads the last commit; in a new state folder, completes `initial`, the
  // globals, and commits them as round 0.
  absl::Status Open(std::map<std::string, StateDict> initial);

  // For the next round: sums for `cohort`, and by dataset what its clients download. `keep`: keep
  // updates until the merge (Aggregator).
  std::unique_ptr<Aggregator> NewAggregator(const std::vector<CohortMember>& cohort, bool keep);
  const std::map<std::string, PublishedModel>& published() const { return published_; }
  // Takes back the sums' memory of a round that is given up.
  void TakeBack(Aggregator* aggregator) { sums_ = aggregator->TakeSums(); }

  // Merges the round's updates into the globals, then lets the method work on them.
  absl::Status Merge(ClosedRound closed);
  // Whether the models of `round` are evaluated, and hashed.
  bool Evaluates(int round) const;
  // Decides this for `round` in place of the run file's `rounds`, which an operator may have
  // changed.
  void SetEvaluates(int round, bool evaluates) { decided_ = {round, evaluates}; }
  absl::StatusOr<std::map<std::string, TaskMetrics>> Evaluate() const;
  // Publishes the merged models before they are committed, for clients to evaluate.
  absl::Status PublishEarly(RoundTimings* timings);
  // Publishes the models, unless that is done, and commits them with `record`, whose hash and
  // `seconds` since `started` it fills in.
  absl::Status Commit(RoundRecord* record, absl::Time started, RoundTimings* timings);

  const ModelSet& models() const { return *models_; }

 private:
  bool SendsDeltas() const;
  // Turns the globals into the merged ones.
  absl::Status MergeGlobals(const ClosedRound& closed, bool stage);
  absl::Status Publish(RoundTimings* timings);

  const Dependencies deps_;
  // Of the last commit, but between Merge() and Commit(). Shared with what is published of them,
  // which may refer to their values.
  std::shared_ptr<ModelSet> models_;
  std::map<std::string, PublishedModel> published_;  // by dataset
  bool published_early_ = false;                     // what is to be committed next
  // The globals of a merge that are written already.
  std::optional<absl::StatusOr<StagedModels>> staged_globals_;
  std::pair<int, bool> decided_ = {0, false};  // SetEvaluates()
  Sums sums_;                                  // memory that rounds pass on
};

}  // namespace tributary
