#include "server/aggregation/routing.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace tributary {
namespace {

constexpr double kMostWeight = 2;  // of all that meet in one sum: see Accumulator

double ScaleFor(double sum_of_weights) { return sum_of_weights > kMostWeight ? sum_of_weights : 1; }

double SumOf(const std::vector<Contribution>& contributions) {
  double sum = 0;
  for (const Contribution& contribution : contributions) sum += contribution.coefficient;
  return sum;
}

}  // namespace

Routing::Routing(const std::vector<Target>& targets, std::vector<CohortMember> cohort, Plan plan)
    : targets_(&targets), cohort_(std::move(cohort)), plan_(std::move(plan)) {
  for (size_t t = 0; t < targets.size(); ++t) {
    std::vector<double>& scales = scales_.emplace_back();
    for (const std::vector<Contribution>& contributions : PlanOf(t)) {
      scales.push_back(ScaleFor(SumOf(contributions)));
    }
    const auto members = std::count_if(
        cohort_.begin(), cohort_.end(),
        [&](const CohortMember& member) { return member.dataset == targets[t].dataset; });
    for (const SummedTensor& tensor : targets[t].summed) {
      scales.push_back(ScaleFor(tensor.weight * static_cast<double>(members)));
    }
  }
}

Routes Routing::RoutesOf(size_t member) const {
  const auto own =
      static_cast<size_t>(std::find_if(targets_->begin(), targets_->end(),
                                       [&](const Target& target) {
                                         return target.dataset == cohort_[member].dataset;
                                       }) -
                          targets_->begin());
  const Target& home = (*targets_)[own];
  const size_t plain = home.manifest.tensors.size();
  absl::flat_hash_map<absl::string_view, size_t> places;
  for (size_t i = 0; i < plain; ++i) places[home.manifest.tensors[i].name] = i;
  Routes routes(plain + home.summed.size());
  for (size_t t = 0; t < targets_->size(); ++t) {
    const TargetPlan& parameters = PlanOf(t);
    for (size_t p = 0; p < parameters.size(); ++p) {
      for (const Contribution& contribution : parameters[p]) {
        if (contribution.member != member) continue;
        routes[places.at(contribution.source)].push_back(
            {t, p, contribution.coefficient / Scale(t, p)});
      }
    }
  }
  for (size_t i = plain; i < routes.size(); ++i) {
    routes[i].push_back({own, i, home.summed[i - plain].weight / Scale(own, i)});
  }
  return routes;
}

}  // namespace tributary
