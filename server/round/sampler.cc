#include "server/round/sampler.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/random.h"

namespace tributary {

int CohortSize(int clients, double fraction) {
  if (clients == 0) return 0;
  return std::clamp(static_cast<int>(std::floor(fraction * clients)), 1, clients);
}

std::vector<std::string> SampleCohort(const std::map<std::string, std::vector<std::string>>& groups,
                                      double fraction, uint64_t seed, int round, int attempt) {
  std::vector<std::string> cohort;
  for (const auto& [dataset, names] : groups) {
    std::vector<std::string> drawn = names;
    std::sort(drawn.begin(), drawn.end());
    RandomStream stream(seed, absl::StrCat("sampling.", attempt), static_cast<uint64_t>(round),
                        dataset);
    stream.Shuffle(absl::MakeSpan(drawn));
    drawn.resize(static_cast<size_t>(CohortSize(static_cast<int>(drawn.size()), fraction)));
    std::sort(drawn.begin(), drawn.end());
    cohort.insert(cohort.end(), drawn.begin(), drawn.end());
  }
  return cohort;
}

}  // namespace tributary
