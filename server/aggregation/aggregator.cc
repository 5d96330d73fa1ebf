#include "server/aggregation/aggregator.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/parallel.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/codec/state_decoder.h"

namespace tributary {
namespace {

// Ratio of final to planned coefficient; equal for all contributions to one parameter under rule
// `paper`. The sum was made with the planned ones, before it was known who would come.
double RescaleOf(const std::vector<Contribution>& all, const std::vector<CohortMember>& cohort,
                 const std::vector<Contribution>& arrived, const CohortMember& any) {
  const auto same = std::find_if(all.begin(), all.end(), [&](const Contribution& other) {
    return cohort[other.member].client == any.client && other.source == arrived.front().source;
  });
  return arrived.front().coefficient / same->coefficient;
}

// What is added up of an update.
Manifest AddedOf(const Target& target) {
  Manifest added = target.manifest;
  for (const SummedTensor& tensor : target.summed) added.tensors.push_back(tensor.spec);
  return added;
}

std::map<std::string, Manifest> UploadsOf(const std::vector<Target>& targets) {
  std::map<std::string, Manifest> uploads;
  for (const Target& target : targets) {
    Manifest& upload = uploads[target.dataset] = AddedOf(target);
    upload.tensors.insert(upload.tensors.end(), target.representations.begin(),
                          target.representations.end());
  }
  return uploads;
}

}  // namespace

Aggregator::Aggregator(std::vector<Target> targets, std::vector<CohortMember> cohort,
                       const AggregationConfig& config, Sums sums, bool keep, PlanAdjustment adjust)
    : targets_(std::move(targets)),
      uploads_(UploadsOf(targets_)),
      cohort_(std::move(cohort)),
      config_(config),
      // Rule `release` folds in cohort order with coefficients that depend on who reported: nothing
      // can be added before the round is closed.
      keep_(keep || config.rule == Rule::kRelease),
      adjust_(std::move(adjust)),
      full_(std::make_shared<const Routing>(RoutingOf(cohort_))),
      sums_(std::move(sums)) {
  for (size_t i = sums_.size(); i < targets_.size(); ++i) {
    sums_.push_back(std::make_unique<Accumulator>(AddedOf(targets_[i])));
  }
}

Routing Aggregator::RoutingOf(std::vector<CohortMember> cohort) const {
  Plan plan = BuildPlan(targets_, cohort, config_);
  if (adjust_ != nullptr) adjust_(cohort, &plan);
  return Routing(targets_, std::move(cohort), std::move(plan));
}

const Target& Aggregator::TargetOf(const CohortMember& member) const {
  return *std::find_if(targets_.begin(), targets_.end(),
                       [&](const Target& target) { return target.dataset == member.dataset; });
}

const Manifest& Aggregator::ManifestOf(const CohortMember& member) const {
  return uploads_.at(member.dataset);
}

size_t Aggregator::added() const {
  absl::MutexLock lock(&mutex_);
  return added_.size();
}

std::shared_ptr<Upload> Aggregator::NewUpload(const CohortMember& member, uint64_t most_bytes,
                                              std::unique_ptr<Spool> spool) const {
  const Manifest& manifest = ManifestOf(member);
  const size_t added = manifest.tensors.size() - TargetOf(member).representations.size();
  return std::make_shared<Upload>(&manifest, added, most_bytes, std::move(spool));
}

absl::Status Aggregator::Add(const std::string& client, std::shared_ptr<Upload> upload,
                             int threads) {
  const auto member = std::find_if(cohort_.begin(), cohort_.end(), [&](const CohortMember& other) {
    return other.client == client;
  });
  if (member == cohort_.end()) {
    return absl::NotFoundError(absl::StrCat("client ", client, " is not in this round's cohort"));
  }
  RETURN_IF_ERROR(upload->CheckComplete());
  StateDict representations = upload->TakeRepresentations();
  Addend addend{.upload = std::move(upload)};
  // Under rule `paper` the routes are known already; computing them now takes nothing from the
  // merge.
  if (config_.rule == Rule::kPaper) {
    const auto place = static_cast<size_t>(member - cohort_.begin());
    addend = AddendOf(std::move(addend.upload), *full_, place);
  }
  {
    absl::MutexLock lock(&mutex_);
    // Marked before it is added: of two streams that bring the same update, one is added.
    if (!added_.insert(client).second) {
      return absl::AlreadyExistsError(absl::StrCat("client ", client, " has reported already"));
    }
    if (!representations.empty()) representations_[client] = std::move(representations);
    if (keep_) {
      kept_.emplace(client, std::move(addend));
      return absl::OkStatus();
    }
  }
  absl::Status status = AddVerified(absl::MakeConstSpan(&addend, 1), threads);
  if (!status.ok()) {
    absl::MutexLock lock(&mutex_);
    health_.Update(Annotate(status, absl::StrCat("the update of ", client, " is added in part")));
  }
  return status;
}

absl::Status Aggregator::health() const {
  absl::MutexLock lock(&mutex_);
  return health_;
}

Aggregator::Addend Aggregator::AddendOf(std::shared_ptr<Upload> upload, const Routing& routing,
                                        size_t member) const {
  Addend addend{.upload = std::move(upload), .routes = routing.RoutesOf(member)};
  if (!keep_) return addend;
  if (std::optional<PlainUpdate> plain = PlainUpdate::Of(addend.upload, addend.routes.size())) {
    addend.plain = std::make_shared<const PlainUpdate>(*std::move(plain));
  }
  return addend;
}

void Aggregator::AddChunk(absl::string_view chunk, const Routes& routes, std::string* scratch) {
  DecodeChunk(chunk, scratch, [&](size_t tensor, size_t offset, absl::Span<const float> values) {
    if (tensor >= routes.size()) return;  // a representation
    for (const Route& route : routes[tensor]) {
      sums_[route.target]->Add(route.tensor, offset, values, route.weight);
    }
  });
}

absl::Status Aggregator::AddVerified(absl::Span<const Addend> addends, int threads) {
  size_t chunks = 0;
  for (const Addend& addend : addends) chunks = std::max(chunks, addend.upload->spool().size());
  absl::Mutex mutex;
  absl::Status failed;
  // By chunk, not by client: threads then work on different stripes of the sums and rarely wait for
  // one another. Sums commute, so the order changes no bit.
  ParallelFor(threads, chunks, [&](size_t i) {
    std::string buffer, scratch;
    for (const Addend& addend : addends) {
      if (i >= addend.upload->spool().size()) continue;
      const absl::StatusOr<absl::string_view> chunk = addend.upload->spool().Read(i, &buffer);
      if (!chunk.ok()) {
        absl::MutexLock lock(&mutex);
        failed.Update(chunk.status());  // our own file; the sums are spoiled
        continue;
      }
      AddChunk(*chunk, addend.routes, &scratch);
      addend.upload->Free(i);
    }
  });
  return failed;
}

std::vector<CohortMember> Aggregator::ArrivedLocked() const {
  std::vector<CohortMember> arrived;
  for (const CohortMember& member : cohort_) {
    if (added_.contains(member.client)) arrived.push_back(member);
  }
  return arrived;
}

absl::Status Aggregator::AddKept(int threads) {
  absl::MutexLock lock(&mutex_);
  return AddKeptLocked(threads);
}

absl::Status Aggregator::AddKeptLocked(int threads) {
  if (!health_.ok() || kept_.empty()) return health_;
  if (config_.rule == Rule::kRelease) {
    // Only now is it known who has reported, on which the coefficients depend.
    const Routing routing = RoutingOf(ArrivedLocked());
    for (size_t i = 0; i < routing.cohort().size(); ++i) {
      Addend& kept = kept_.at(routing.cohort()[i].client);
      kept = AddendOf(std::move(kept.upload), routing, i);
    }
  }
  // Plain values are read where they lie, by the merge; the others are decoded into the sums.
  std::vector<Addend> coded;
  for (auto& [client, addend] : kept_) {
    (addend.plain != nullptr ? plain_ : coded).push_back(std::move(addend));
  }
  kept_.clear();
  health_.Update(Annotate(AddVerified(coded, threads), "updates are added in part"));
  return health_;
}

std::map<std::string, StateDict> Aggregator::Representations() const {
  absl::MutexLock lock(&mutex_);
  return representations_;
}

Aggregator::PlainAddends Aggregator::PlainAddendsLocked() const {
  PlainAddends addends;
  for (const Addend& plain : plain_) {
    for (size_t tensor = 0; tensor < plain.routes.size(); ++tensor) {
      for (const Route& route : plain.routes[tensor]) {
        addends[{route.target, route.tensor}].push_back({plain.plain, tensor, route.weight});
      }
    }
  }
  return addends;
}

MergeStep Aggregator::StepOf(const Routing& routing, size_t target, size_t parameter,
                             std::map<std::string, StateDict>* globals) const {
  const std::vector<Contribution>& contributions = routing.PlanOf(target)[parameter];
  const std::vector<CohortMember>& arrived = routing.cohort();
  MergeStep step{.tensor = &globals->at(targets_[target].dataset)[parameter].tensor,
                 .sums = sums_[target].get(),
                 .place = parameter,
                 .factor = AddedBy(routing).Scale(target, parameter)};
  if (config_.rule == Rule::kPaper) {
    step.factor *= RescaleOf(full_->PlanOf(target)[parameter], cohort_, contributions,
                             arrived[contributions.front().member]);
  }
  // Contributions from other globals, summed by (dataset, source tensor). A map, so that the order
  // of these float64 additions is the same in every run.
  std::map<std::pair<std::string, std::string>, double> others;
  for (const Contribution& contribution : contributions) {
    others[{arrived[contribution.member].dataset, contribution.source}] += contribution.coefficient;
  }
  for (const auto& [source, coefficient] : others) {
    const Tensor* tensor = globals->at(source.first).Find(source.second);
    // A contribution from the target itself has no foreign part: its delta was added to the sums.
    if (tensor != step.tensor) step.foreign.emplace_back(tensor, coefficient);
  }
  return step;
}

std::vector<MergeStep> Aggregator::StepsLocked(const Routing& routing,
                                               std::map<std::string, StateDict>* globals) {
  PlainAddends addends = PlainAddendsLocked();
  std::vector<MergeStep> steps;
  for (size_t t = 0; t < targets_.size(); ++t) {
    const size_t plain = targets_[t].manifest.tensors.size();
    for (size_t p = 0; p < plain; ++p) {
      if (routing.PlanOf(t)[p].empty()) continue;
      steps.push_back(StepOf(routing, t, p, globals));
      steps.back().addends = std::move(addends[{t, p}]);
    }
    if (targets_[t].summed.empty()) continue;
    // Added to zeros, so that the sum is rounded to float32 once; not rescaled for absent clients.
    StateDict& summed = outcome_.summed[targets_[t].dataset];
    for (const SummedTensor& tensor : targets_[t].summed) {
      // Names of a manifest are unique.
      summed.Add(tensor.spec.name, Tensor::Zeros(tensor.spec.shape)).IgnoreError();
    }
    for (size_t i = 0; i < summed.size(); ++i) {
      steps.push_back({.tensor = &summed[i].tensor,
                       .sums = sums_[t].get(),
                       .place = plain + i,
                       .factor = AddedBy(routing).Scale(t, plain + i),
                       .addends = std::move(addends[{t, plain + i}])});
    }
  }
  return steps;
}

absl::StatusOr<std::unique_ptr<RunningMerge>> Aggregator::BeginMerge(
    std::map<std::string, StateDict>* globals, int threads) {
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(AddKeptLocked(threads));
  std::vector<CohortMember> arrived = ArrivedLocked();
  outcome_.routing = arrived.size() == cohort_.size()
                         ? full_
                         : std::make_shared<const Routing>(RoutingOf(std::move(arrived)));
  std::vector<MergeStep> steps = StepsLocked(*outcome_.routing, globals);
  plain_.clear();  // the steps hold what they read, and free it when the merge is finished
  return RunningMerge::Start(std::move(steps), threads);
}

Aggregator::Outcome Aggregator::TakeOutcome() {
  absl::MutexLock lock(&mutex_);
  return std::move(outcome_);
}

absl::Status Aggregator::FinishInto(std::map<std::string, StateDict>* globals, int threads) {
  ASSIGN_OR_RETURN(const std::unique_ptr<RunningMerge> merge, BeginMerge(globals, threads));
  merge->Finish();
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, StateDict>> Aggregator::Finish(
    const std::map<std::string, StateDict>& globals) && {
  std::map<std::string, StateDict> merged = globals;
  RETURN_IF_ERROR(FinishInto(&merged));
  return merged;
}

Sums Aggregator::TakeSums() {
  for (std::unique_ptr<Accumulator>& sum : sums_) sum->Reset();
  return std::move(sums_);
}

}  // namespace tributary
