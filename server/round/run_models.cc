#include "server/round/run_models.h"

#include <future>
#include <utility>

#include "common/base/parallel.h"
#include "common/base/status_macros.h"
#include "common/codec/encoded_state.h"
#include "common/tensor/safetensors.h"
#include "server/round/round_payload.h"

namespace tributary {

bool RunModels::SendsDeltas() const {
  return deps_.context->config.wire.download_delta.has_value();
}

absl::Status RunModels::Open(std::map<std::string, StateDict> initial) {
  ASSIGN_OR_RETURN(const std::optional<int> last, deps_.store->LastRound());
  RoundTimings timings;
  if (!last.has_value()) {
    models_ = std::make_shared<ModelSet>();
    models_->globals = std::move(initial);
    RETURN_IF_ERROR(deps_.hooks->Begin(*deps_.context, models_.get()));
    RoundRecord record;
    return Commit(&record, deps_.clock->Now(), &timings);
  }
  ASSIGN_OR_RETURN(ModelSet models, deps_.store->LoadLast());
  models_ = std::make_shared<ModelSet>(std::move(models));
  // Clients may hold what was published before the restart; publishing the globals again would give
  // another version, and lose what earlier differences left over.
  if (models_->published.empty()) return Publish(&timings);
  for (const auto& [name, whole] : models_->published) published_[name].whole = whole;
  return absl::OkStatus();
}

std::unique_ptr<Aggregator> RunModels::NewAggregator(const std::vector<CohortMember>& cohort,
                                                     bool keep) {
  std::vector<Target> targets;
  for (const auto& [name, dataset] : deps_.context->datasets) {
    targets.push_back(TargetOf(dataset, *deps_.hooks));
  }
  return std::make_unique<Aggregator>(
      std::move(targets), cohort, deps_.context->config.aggregation, std::move(sums_), keep,
      [hooks = deps_.hooks](const std::vector<CohortMember>& members, Plan* plan) {
        hooks->AdjustPlan(members, plan);
      });
}

absl::Status RunModels::Merge(ClosedRound closed) {
  // A delta is taken from what was published last; whole models are encoded anew, so that the
  // memory of the old ones can go before the new ones are made.
  if (!SendsDeltas()) published_.clear();
  published_early_ = false;
  // A client that still reads the round's model, though it comes too late, keeps it as it was.
  if (models_.use_count() > 1) models_ = std::make_shared<ModelSet>(*models_);
  const MethodHook::Needs needs = deps_.hooks->needs();
  RoundOutcome outcome{.round = closed.round, .updates = std::move(closed.updates)};
  if (needs.old_globals) outcome.before = models_->globals;
  RETURN_IF_ERROR(MergeGlobals(closed, /*stage=*/!needs.changes_globals));

  std::map<std::string, StateDict> representations = closed.aggregator->Representations();
  for (MergedUpdate& update : outcome.updates) {
    update.representations = std::move(representations[update.client]);
  }
  Aggregator::Outcome merged = closed.aggregator->TakeOutcome();
  TakeBack(closed.aggregator);
  outcome.plan = &merged.routing->plan();
  outcome.summed = std::move(merged.summed);
  return deps_.hooks->AfterMerge(*deps_.context, outcome, models_.get());
}

absl::Status RunModels::MergeGlobals(const ClosedRound& closed, bool stage) {
  {
    const WorkTime::Scope scope(&closed.timings->accumulate);
    RETURN_IF_ERROR(closed.aggregator->AddKept(CoreCount()));
  }
  const WorkTime::Scope scope(&closed.timings->merge);
  ASSIGN_OR_RETURN(const std::unique_ptr<RunningMerge> merge,
                   closed.aggregator->BeginMerge(&models_->globals, CoreCount()));
  // Writing takes about as long as merging. The store awaits each tensor, and so takes part in the
  // merge while the one that it writes next is not done.
  if (stage) {
    staged_globals_ = deps_.store->StageGlobals(closed.round, models_->globals, merge.get());
  }
  merge->Finish();
  return absl::OkStatus();
}

bool RunModels::Evaluates(int round) const {
  if (round == decided_.first && round > 0) return decided_.second;
  const RunConfig& config = deps_.context->config;
  return round % config.evaluation.every == 0 || round == config.rounds;
}

absl::StatusOr<std::map<std::string, TaskMetrics>> RunModels::Evaluate() const {
  return deps_.evaluate(models_->globals);
}

absl::Status RunModels::Publish(RoundTimings* timings) {
  const WorkTime::Scope scope(&timings->encode);
  const RunContext& context = *deps_.context;
  if (SendsDeltas()) models_->published.clear();
  for (const auto& [name, dataset] : context.datasets) {
    ASSIGN_OR_RETURN(const std::vector<EncodedState::Source> download,
                     DownloadOf(dataset, *models_));
    PublishedModel& published = published_[name];
    const std::shared_ptr<const EncodedState> last = std::move(published.whole);
    published = tributary::Publish(download, models_, SendsDeltas() ? last.get() : nullptr,
                                   {.whole = context.config.wire.download,
                                    .delta = context.config.wire.download_delta,
                                    .chunk_bytes = context.config.wire.ChunkBytes(),
                                    .plain_f32 = context.PlainF32(),
                                    .threads = CoreCount()});
    // What clients hold is more than the globals tell: it is stored with them.
    if (SendsDeltas()) models_->published[name] = published.whole;
  }
  return absl::OkStatus();
}

absl::Status RunModels::PublishEarly(RoundTimings* timings) {
  RETURN_IF_ERROR(Publish(timings));
  published_early_ = true;
  return absl::OkStatus();
}

absl::Status RunModels::Commit(RoundRecord* record, absl::Time started, RoundTimings* timings) {
  std::future<absl::Status> published;
  if (!std::exchange(published_early_, false)) {
    published = std::async(std::launch::async, [this, timings] { return Publish(timings); });
  }
  // Delta downloads are stored with the commit, so wait; otherwise encode in parallel with writing.
  if (SendsDeltas() && published.valid()) RETURN_IF_ERROR(published.get());
  const WorkTime::Scope scope(&timings->commit);
  std::future<std::string> hash;
  // SHA-256 takes longer than all else here: of models that somebody will look at.
  if (Evaluates(record->round)) {
    hash = std::async(std::launch::async, [this] { return ModelHash(models_->globals); });
  }
  const absl::StatusOr<StagedModels> staged =
      staged_globals_.has_value()
          ? deps_.store->StageRest(record->round, *models_,
                                   *std::exchange(staged_globals_, std::nullopt))
          : deps_.store->Stage(record->round, *models_);
  if (hash.valid()) record->model_hash = hash.get();
  if (published.valid()) RETURN_IF_ERROR(published.get());
  RETURN_IF_ERROR(staged.status());
  record->seconds = absl::ToDoubleSeconds(deps_.clock->Now() - started);
  return deps_.store->Commit(*record, *staged, deps_.clock->Now());
}

}  // namespace tributary
