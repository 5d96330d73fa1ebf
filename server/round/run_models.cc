#include "server/round/run_models.h"

#include <future>
#include <utility>

#include "common/base/parallel.h"
#include "common/base/status_macros.h"
#include "common/codec/encoded_state.h"
#include "common/tensor/safetensors.h"
#include "server/round/round_payload.h"

namespace tributary {
namespace {

RoundOutcome OutcomeOf(const ClosedRound& closed) {
  RoundOutcome outcome{.round = closed.round, .updates = {}};
  std::map<std::string, StateDict> representations = closed.aggregator->Representations();
  for (const CohortMember& member : closed.reported) {
    outcome.updates.push_back({.client = member.client,
                               .modality = member.modality,
                               .representations = std::move(representations[member.client])});
  }
  return outcome;
}

}  // namespace

bool RunModels::SendsDeltas() const {
  return deps_.context->config.wire.download_delta.has_value();
}

absl::Status RunModels::Open(std::map<std::string, StateDict> initial) {
  ASSIGN_OR_RETURN(const std::optional<int> last, deps_.store->LastRound());
  RoundTimings timings;
  if (!last.has_value()) {
    models_ = std::make_shared<ModelSet>();
    models_->globals = std::move(initial);
    RETURN_IF_ERROR(deps_.strategy->Begin(*deps_.context, models_.get()));
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
  for (const auto& [name, dataset] : deps_.context->datasets) targets.push_back(TargetOf(dataset));
  return std::make_unique<Aggregator>(std::move(targets), cohort, deps_.context->config.aggregation,
                                      std::move(sums_), keep);
}

absl::Status RunModels::Merge(const ClosedRound& closed) {
  // A delta is taken from what was published last; whole models are encoded anew, so that the
  // memory of the old ones can go before the new ones are made.
  if (!SendsDeltas()) published_.clear();
  // A client that still reads the round's model, though it comes too late, keeps it as it was.
  if (models_.use_count() > 1) models_ = std::make_shared<ModelSet>(*models_);
  {
    const WorkTime::Scope scope(&closed.timings->accumulate);
    RETURN_IF_ERROR(closed.aggregator->AddKept(CoreCount()));
  }
  {
    const WorkTime::Scope scope(&closed.timings->merge);
    ASSIGN_OR_RETURN(const std::unique_ptr<RunningMerge> merge,
                     closed.aggregator->BeginMerge(&models_->globals, CoreCount()));
    // Writing takes about as long as merging. The store awaits each tensor, and so takes part in
    // the merge while the one that it writes next is not done.
    if (!deps_.strategy->ChangesGlobals()) {
      staged_globals_ = deps_.store->StageGlobals(closed.round, models_->globals, merge.get());
    }
    merge->Finish();
  }
  const RoundOutcome outcome = OutcomeOf(closed);
  TakeBack(closed.aggregator);
  return deps_.strategy->AfterAggregation(*deps_.context, outcome, models_.get());
}

bool RunModels::Evaluates(int round) const {
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

absl::Status RunModels::Commit(RoundRecord* record, absl::Time started, RoundTimings* timings) {
  std::future<absl::Status> published =
      std::async(std::launch::async, [this, timings] { return Publish(timings); });
  // Delta downloads are stored with the commit, so wait; otherwise encode in parallel with writing.
  if (SendsDeltas()) RETURN_IF_ERROR(published.get());
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
