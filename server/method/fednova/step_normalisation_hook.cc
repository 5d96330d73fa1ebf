#include "server/method/fednova/step_normalisation_hook.h"

#include "absl/strings/str_cat.h"
#include "server/method/fednova/step_normalisation.h"

namespace tributary {

void StepNormalisationHook::AdjustPlan(const std::vector<CohortMember>& cohort, Plan* plan) const {
  NormaliseSteps(cohort, epochs_, batch_, plan);
}

absl::Status StepNormalisationHook::CheckReport(const CohortMember& member,
                                                const v1::TrainingReport& report) const {
  const int64_t expected = LocalSteps(member.samples, epochs_, batch_);
  if (report.steps() == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("reports ", report.steps(), " local steps, expected ", expected, " (", epochs_,
                   " epochs over ", member.samples, " samples in batches of ", batch_,
                   "), by which its update is to be divided; train it as the task says"));
}

}  // namespace tributary
