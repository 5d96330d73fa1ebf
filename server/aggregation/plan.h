// Plan: the coefficients with which updates enter the new globals. A pure function of targets,
// cohort and settings.
//
//   W_t[p] <- W_t[p] + sum over contributions c of (t, p): c.coefficient * (W_k[c.source] - W_t[p])
//
// Source: docs/algorithm.md section 4, rules `paper` and `release` (there by effective
// coefficients).
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "common/config/run_config.h"
#include "server/aggregation/scope.h"

namespace tributary {

struct Contribution {
  size_t member = 0;   // place in the cohort
  std::string source;  // tensor of the member's upload
  double coefficient = 0;
};

// Contributions by parameter, in the order of the target's manifest. A parameter without any stays
// as it is.
using TargetPlan = std::vector<std::vector<Contribution>>;
// By target dataset.
using Plan = std::map<std::string, TargetPlan>;

// Changes a plan's coefficients beyond what AggregationConfig says. Pure. Under rule `paper` the
// coefficients of one parameter must keep their ratios when members are absent: an update is added
// by its share of the whole cohort, and one common factor corrects the sum in the end.
using PlanAdjustment = std::function<void(const std::vector<CohortMember>& cohort, Plan* plan)>;

// The factor on a member's sample count: pair_weight for pair clients.
double MemberWeight(const CohortMember& member, const AggregationConfig& config);

// `cohort`: the clients that reported, in increasing order of name (rule `release` depends on the
// order).
Plan BuildPlan(const std::vector<Target>& targets, const std::vector<CohortMember>& cohort,
               const AggregationConfig& config);

// InvalidArgument for settings that have no meaning: compensation with scope modality_exact under
// rule `release` (there it reads a variable left over from a loop).
absl::Status CheckAggregation(const AggregationConfig& config);

// {target: {parameter: {"client" or "client:source": coefficient}}}, as in golden/aggregate.
nlohmann::json PlanToJson(const Plan& plan, const std::vector<Target>& targets,
                          const std::vector<CohortMember>& cohort);

}  // namespace tributary
