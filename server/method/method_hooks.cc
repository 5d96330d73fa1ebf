#include "server/method/method_hooks.h"

#include "common/base/status_macros.h"

namespace tributary {

MethodHook::Needs MethodHooks::needs() const {
  MethodHook::Needs all;
  for (const auto& hook : hooks_) {
    const MethodHook::Needs one = hook->needs();
    all.old_globals |= one.old_globals;
    all.changes_globals |= one.changes_globals;
  }
  return all;
}

absl::Status MethodHooks::Begin(const RunContext& context, ModelSet* models) const {
  for (const auto& hook : hooks_) RETURN_IF_ERROR(hook->Begin(context, models));
  return absl::OkStatus();
}

void MethodHooks::AdjustPlan(const std::vector<CohortMember>& cohort, Plan* plan) const {
  for (const auto& hook : hooks_) hook->AdjustPlan(cohort, plan);
}

std::optional<double> MethodHooks::SummedWeight(const DatasetContext& dataset,
                                                absl::string_view tensor) const {
  for (const auto& hook : hooks_) {
    if (const auto weight = hook->SummedWeight(dataset, tensor); weight.has_value()) return weight;
  }
  return std::nullopt;
}

absl::Status MethodHooks::CheckReport(const CohortMember& member,
                                      const v1::TrainingReport& report) const {
  for (const auto& hook : hooks_) RETURN_IF_ERROR(hook->CheckReport(member, report));
  return absl::OkStatus();
}

absl::Status MethodHooks::AfterMerge(const RunContext& context, const RoundOutcome& outcome,
                                     ModelSet* models) const {
  for (const auto& hook : hooks_) RETURN_IF_ERROR(hook->AfterMerge(context, outcome, models));
  return absl::OkStatus();
}

}  // namespace tributary
