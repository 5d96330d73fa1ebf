// MethodHooks: the hooks of a run as one. See method_hook.h for what each call means.
//
// Order: the server optimizer first, so that all others see the globals that it steps to; then the
// method's own.
#pragma once

#include <memory>
#include <vector>

#include "server/method/method_hook.h"

namespace tributary {

// Immutable but for Append(), hence thread-safe.
class MethodHooks {
 public:
  MethodHooks() = default;  // none: globals as they are merged

  void Append(std::unique_ptr<MethodHook> hook) { hooks_.push_back(std::move(hook)); }
  bool empty() const { return hooks_.empty(); }

  // What at least one of them needs.
  MethodHook::Needs needs() const;
  absl::Status Begin(const RunContext& context, ModelSet* models) const;
  void AdjustPlan(const std::vector<CohortMember>& cohort, Plan* plan) const;
  // Of the first hook whose tensor it is.
  std::optional<double> SummedWeight(const DatasetContext& dataset, absl::string_view tensor) const;
  // The first error.
  absl::Status CheckReport(const CohortMember& member, const v1::TrainingReport& report) const;
  absl::Status AfterMerge(const RunContext& context, const RoundOutcome& outcome,
                          ModelSet* models) const;

 private:
  std::vector<std::unique_ptr<const MethodHook>> hooks_;
};

}  // namespace tributary
