// Named streams of random numbers: every random choice of a run is drawn from one.
//
// A stream is fixed by (seed, purpose, round, client), so that no choice depends on how many were
// made before it elsewhere, on threads, or on the order in which messages arrive. Numbers come from
// SplitMix64, its start and step taken from an XXH3-128 of those four; the distributions are
// written out here, because those of the standard library differ from one library to the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace tributary {

class RandomStream {
 public:
  // `purpose` names what the numbers are for ("sampling", "shuffle", ...); `client` may be empty.
  RandomStream(uint64_t seed, absl::string_view purpose, uint64_t round = 0,
               absl::string_view client = {});

  // The next 64 random bits.
  uint64_t Next();
  // Uniform in [0, 1), 53 bits.
  double Uniform();
  // Uniform integer in [0, bound). Unbiased. Requires bound > 0.
  uint64_t Below(uint64_t bound);
  // Standard normal.
  double Normal();
  // Gamma(shape, 1); shape > 0. Marsaglia and Tsang (2000).
  double Gamma(double shape);
  // A point of the simplex, Dirichlet(alpha, ..., alpha). Requires alpha > 0, parts > 0.
  std::vector<double> Dirichlet(double alpha, size_t parts);

  // Puts `items` into a random order (Fisher and Yates).
  template <typename T>
  void Shuffle(absl::Span<T> items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[Below(i)]);
  }

 private:
  uint64_t state_;
  uint64_t increment_;
};

}  // namespace tributary
