#include "preparation/dealing/divergence.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace tributary {

double JensenShannon(const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  const auto total = [](const std::vector<int64_t>& counts) {
    return static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
  };
  const double total_a = total(a), total_b = total(b);
  if (total_a <= 0 || total_b <= 0) return 0;
  const auto term = [](double p, double mean) { return p > 0 ? p * std::log2(p / mean) : 0.0; };
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double p = static_cast<double>(a[i]) / total_a;
    const double q = static_cast<double>(b[i]) / total_b;
    // Half the relative entropy of each to their mean, which is 0 only where both are.
    sum += (term(p, (p + q) / 2) + term(q, (p + q) / 2)) / 2;
  }
  return std::clamp(sum, 0.0, 1.0);  // rounding may lead 1e-16 out of it
}

ClientDivergence DivergenceOf(const std::vector<std::vector<int64_t>>& histograms) {
  if (histograms.size() < 2) return {};
  ClientDivergence divergence{.least = 1, .mean = 0, .most = 0};
  size_t pairs = 0;
  for (size_t a = 0; a < histograms.size(); ++a) {
    for (size_t b = a + 1; b < histograms.size(); ++b, ++pairs) {
      const double value = JensenShannon(histograms[a], histograms[b]);
      divergence.least = std::min(divergence.least, value);
      divergence.most = std::max(divergence.most, value);
      divergence.mean += value;
    }
  }
  divergence.mean /= static_cast<double>(pairs);
  return divergence;
}

}  // namespace tributary
