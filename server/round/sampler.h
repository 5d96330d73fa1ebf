// Chooses the cohort of a round. Pure: the same arguments give the same cohort.
// Source: docs/algorithm.md section 2, "Sampling each round".
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tributary {

// max(floor(fraction * clients), 1), the product in double precision as the paper's release
// computes it; 0 for no clients. `fraction` in (0, 1].
int CohortSize(int clients, double fraction);

// For each dataset, CohortSize() of its clients without replacement. `groups`: dataset -> names of
// the clients that attend. The draw depends on (seed, round, attempt, dataset) and on the set of
// names, not on their order. Returns names, sorted within each dataset, datasets in order.
std::vector<std::string> SampleCohort(const std::map<std::string, std::vector<std::string>>& groups,
                                      double fraction, uint64_t seed, int round, int attempt);

}  // namespace tributary
