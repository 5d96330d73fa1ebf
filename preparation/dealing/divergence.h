// How much the clients' classes differ.
#pragma once

#include <cstdint>
#include <vector>

namespace tributary {

// Jensen-Shannon divergence of two histograms of the same classes, in bits, in [0, 1]: 0 for equal
// distributions, 1 if no class occurs in both (Lin, "Divergence measures based on the Shannon
// entropy", 1991). 0 if either is empty.
double JensenShannon(const std::vector<int64_t>& a, const std::vector<int64_t>& b);

// Over all pairs of clients. All 0 for fewer than two.
struct ClientDivergence {
  double least = 0, mean = 0, most = 0;
};
ClientDivergence DivergenceOf(const std::vector<std::vector<int64_t>>& histograms);

}  // namespace tributary
