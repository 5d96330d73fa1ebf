// StepNormalisationHook: FedNova on the coordinator. Normalises the plan by local steps, and
// refuses an update that took other steps than the plan counts on.
#pragma once

#include "server/method/method_hook.h"

namespace tributary {

class StepNormalisationHook : public MethodHook {
 public:
  // Of local training; both at least 1.
  StepNormalisationHook(int64_t epochs, int64_t batch) : epochs_(epochs), batch_(batch) {}

  void AdjustPlan(const std::vector<CohortMember>& cohort, Plan* plan) const override;
  // InvalidArgument for other steps than epochs * ceil(samples / batch).
  absl::Status CheckReport(const CohortMember& member,
                           const v1::TrainingReport& report) const override;

 private:
  const int64_t epochs_;
  const int64_t batch_;
};

}  // namespace tributary
