#include "server/method/fednova/step_normalisation.h"

namespace tributary {

int64_t LocalSteps(uint64_t samples, int64_t epochs, int64_t batch) {
  return epochs * ((static_cast<int64_t>(samples) + batch - 1) / batch);
}

void NormaliseSteps(const std::vector<CohortMember>& cohort, int64_t epochs, int64_t batch,
                    Plan* plan) {
  std::vector<double> steps;
  for (const CohortMember& member : cohort) {
    steps.push_back(static_cast<double>(LocalSteps(member.samples, epochs, batch)));
  }
  for (auto& [target, parameters] : *plan) {
    for (std::vector<Contribution>& contributions : parameters) {
      double effective = 0;
      for (const Contribution& contribution : contributions) {
        effective += contribution.coefficient * steps[contribution.member];
      }
      for (Contribution& contribution : contributions) {
        contribution.coefficient *= effective / steps[contribution.member];
      }
    }
  }
}

}  // namespace tributary
