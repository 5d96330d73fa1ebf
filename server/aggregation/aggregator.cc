#include "server/aggregation/aggregator.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/codec/state_decoder.h"

namespace tributary {
namespace {

double CohortWeight(const std::vector<CohortMember>& cohort, const AggregationConfig& config) {
  double sum = 0;
  for (const CohortMember& member : cohort) sum += MemberWeight(member, config);
  return sum;
}

std::map<std::string, Manifest> UploadsOf(const std::vector<Target>& targets) {
  std::map<std::string, Manifest> uploads;
  for (const Target& target : targets) {
    Manifest& upload = uploads[target.dataset] = target.manifest;
    upload.tensors.insert(upload.tensors.end(), target.representations.begin(),
                          target.representations.end());
  }
  return uploads;
}

}  // namespace

Aggregator::Aggregator(std::vector<Target> targets, std::vector<CohortMember> cohort,
                       const AggregationConfig& config)
    : targets_(std::move(targets)),
      uploads_(UploadsOf(targets_)),
      cohort_(std::move(cohort)),
      config_(config),
      full_plan_(BuildPlan(targets_, cohort_, config_)),
      cohort_weight_(CohortWeight(cohort_, config_)) {
  for (const Target& target : targets_) {
    sums_.push_back(std::make_unique<Accumulator>(target.manifest));
  }
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

absl::Status Aggregator::Add(const std::string& client, std::unique_ptr<Spool> update) {
  const auto member = std::find_if(cohort_.begin(), cohort_.end(), [&](const CohortMember& other) {
    return other.client == client;
  });
  if (member == cohort_.end()) {
    return absl::NotFoundError(absl::StrCat("client ", client, " is not in this round's cohort"));
  }
  ASSIGN_OR_RETURN(StateDict representations, Verify(*member, *update));
  {
    absl::MutexLock lock(&mutex_);
    if (!added_.insert(client).second) {
      return absl::AlreadyExistsError(absl::StrCat("client ", client, " has reported already"));
    }
    if (representations.size() > 0) representations_[client] = std::move(representations);
    if (config_.rule == Rule::kRelease) {
      kept_[client] = std::move(update);
      return absl::OkStatus();
    }
  }
  const auto place = static_cast<size_t>(member - cohort_.begin());
  return AddVerified(*member, RoutesOf(full_plan_, place, cohort_, true), *update);
}

absl::StatusOr<StateDict> Aggregator::Verify(const CohortMember& member,
                                             const Spool& update) const {
  const Manifest& manifest = ManifestOf(member);
  const size_t plain = TargetOf(member).manifest.tensors.size();
  StateDict representations;
  for (size_t i = plain; i < manifest.tensors.size(); ++i) {
    const TensorSpec& spec = manifest.tensors[i];
    RETURN_IF_ERROR(representations.Add(spec.name, Tensor::Zeros(spec.shape)));
  }
  ChunkReader reader(&manifest);
  absl::Status range;
  const auto check = [&](size_t tensor, size_t offset, absl::Span<const float> values) {
    for (size_t i = 0; i < values.size() && range.ok(); ++i) {
      if (std::abs(values[i]) <= kLargestDelta) continue;
      range = absl::OutOfRangeError(absl::StrCat("tensor ", manifest.tensors[tensor].name,
                                                 ", value ", offset + i, " is ", values[i],
                                                 ", expected a magnitude of at most 2^20"));
    }
    if (tensor < plain) return;
    std::copy(values.begin(), values.end(),
              representations[tensor - plain].tensor.values.begin() +
                  static_cast<std::ptrdiff_t>(offset));
  };
  for (size_t i = 0; i < update.size(); ++i) {
    ASSIGN_OR_RETURN(const std::string chunk, update.Read(i));
    RETURN_IF_ERROR(reader.Read(chunk, check));
    RETURN_IF_ERROR(range);
  }
  if (reader.complete()) return representations;
  return absl::InvalidArgumentError(
      absl::StrCat("the update ends after ", update.size(), " chunks, before its last tensor"));
}

Aggregator::Routes Aggregator::RoutesOf(const Plan& plan, size_t member,
                                        const std::vector<CohortMember>& cohort,
                                        bool by_samples) const {
  const Manifest& own = TargetOf(cohort[member]).manifest;
  absl::flat_hash_map<absl::string_view, size_t> places;
  for (size_t i = 0; i < own.tensors.size(); ++i) places[own.tensors[i].name] = i;
  Routes routes(own.tensors.size());
  const double by_n = MemberWeight(cohort[member], config_) / cohort_weight_;
  for (size_t t = 0; t < targets_.size(); ++t) {
    const TargetPlan& target_plan = plan.at(targets_[t].dataset);
    for (size_t p = 0; p < target_plan.size(); ++p) {
      for (const Contribution& contribution : target_plan[p]) {
        if (contribution.member != member) continue;
        routes[places.at(contribution.source)].push_back(
            {t, p, by_samples ? by_n : contribution.coefficient});
      }
    }
  }
  return routes;
}

absl::Status Aggregator::AddVerified(const CohortMember& member, const Routes& routes,
                                     const Spool& update) {
  ChunkReader reader(&ManifestOf(member));
  for (size_t i = 0; i < update.size(); ++i) {
    ASSIGN_OR_RETURN(const std::string chunk, update.Read(i));
    RETURN_IF_ERROR(
        reader.Read(chunk, [&](size_t tensor, size_t offset, absl::Span<const float> values) {
          if (tensor >= routes.size()) return;  // a representation
          for (const Route& route : routes[tensor]) {
            sums_[route.target]->Add(route.tensor, offset, values, route.weight);
          }
        }));
  }
  return absl::OkStatus();
}

std::map<std::string, StateDict> Aggregator::Representations() const {
  absl::MutexLock lock(&mutex_);
  return representations_;
}

StateDict Aggregator::NewGlobal(size_t target, const TargetPlan& plan,
                                const std::vector<CohortMember>& arrived,
                                const std::map<std::string, StateDict>& globals) const {
  const std::string& dataset = targets_[target].dataset;
  StateDict state = globals.at(dataset);
  for (size_t p = 0; p < plan.size(); ++p) {
    if (plan[p].empty()) continue;
    // Under rule paper, sums carry n_k / N and the plan says n_k / D: one factor for all
    // contributions.
    double factor = 1;
    if (config_.rule == Rule::kPaper) {
      const Contribution& any = plan[p].front();
      factor = any.coefficient * cohort_weight_ / MemberWeight(arrived[any.member], config_);
    }
    // The difference between the contributors' own globals and this one, by source tensor.
    std::map<const Tensor*, double> others;
    for (const Contribution& contribution : plan[p]) {
      const Tensor* own =
          globals.at(arrived[contribution.member].dataset).Find(contribution.source);
      others[own] += contribution.coefficient;
    }
    const Tensor* here = globals.at(dataset).Find(targets_[target].manifest.tensors[p].name);
    // Addresses differ from run to run, and so would the order of the sum below.
    std::vector<std::pair<const Tensor*, double>> foreign;
    for (const auto& [name, global] : globals) {
      for (const StateDict::Entry& entry : global) {
        const auto found = others.find(&entry.tensor);
        if (found != others.end() && found->first != here) foreign.push_back(*found);
      }
    }
    std::vector<float>& values = state[p].tensor.values;
    for (size_t i = 0; i < values.size(); ++i) {
      const double old = here->values[i];
      double step = factor * sums_[target]->Value(p, i);
      for (const auto& [tensor, coefficient] : foreign) {
        step += coefficient * (static_cast<double>(tensor->values[i]) - old);
      }
      values[i] = static_cast<float>(old + step);
    }
  }
  return state;
}

absl::StatusOr<std::map<std::string, StateDict>> Aggregator::Finish(
    const std::map<std::string, StateDict>& globals) && {
  absl::MutexLock lock(&mutex_);
  std::vector<CohortMember> arrived;
  for (const CohortMember& member : cohort_) {
    if (added_.contains(member.client)) arrived.push_back(member);
  }
  const Plan plan = BuildPlan(targets_, arrived, config_);
  for (size_t i = 0; i < arrived.size() && config_.rule == Rule::kRelease; ++i) {
    const std::unique_ptr<Spool> update = std::move(kept_[arrived[i].client]);
    RETURN_IF_ERROR(AddVerified(arrived[i], RoutesOf(plan, i, arrived, false), *update));
  }
  std::map<std::string, StateDict> merged;
  for (size_t t = 0; t < targets_.size(); ++t) {
    const std::string& dataset = targets_[t].dataset;
    merged[dataset] = NewGlobal(t, plan.at(dataset), arrived, globals);
  }
  return merged;
}

}  // namespace tributary
