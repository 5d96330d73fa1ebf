// Routing: where each tensor of an update is added, and with what weight. Pure.
//
// A plan says by target and parameter who contributes with what coefficient; an update is added
// tensor by tensor, so a routing turns the plan around. It also keeps the accumulator's bound: the
// weights that meet in one sum may add up to at most 2. Where coefficients come to more, as those
// that are normalised by local steps may, updates are added with their coefficient divided by
// Scale(), and the merge multiplies the finished sum by it. Plans that add up to 1 have scale 1:
// their bits do not change.
#pragma once

#include <cstddef>
#include <vector>

#include "server/aggregation/plan.h"

namespace tributary {

// One destination of a tensor.
struct Route {
  size_t target;
  size_t tensor;  // of the target: its plain parameters, then its summed tensors
  double weight;  // in [0, 1]
};
// By the tensor's place in the member's manifest, representations left out.
using Routes = std::vector<std::vector<Route>>;

class Routing {
 public:
  // `targets` must outlive the routing. `plan`: over `cohort`.
  Routing(const std::vector<Target>& targets, std::vector<CohortMember> cohort, Plan plan);

  // Of the member at that place in the cohort.
  Routes RoutesOf(size_t member) const;
  // What the finished sum of a target's tensor is multiplied by.
  double Scale(size_t target, size_t tensor) const { return scales_[target][tensor]; }

  const std::vector<CohortMember>& cohort() const { return cohort_; }
  const Plan& plan() const { return plan_; }
  // Contributions by parameter of target number `target`.
  const TargetPlan& PlanOf(size_t target) const { return plan_.at((*targets_)[target].dataset); }

 private:
  const std::vector<Target>* targets_;
  std::vector<CohortMember> cohort_;
  Plan plan_;
  std::vector<std::vector<double>> scales_;
};

}  // namespace tributary
