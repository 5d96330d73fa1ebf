#include "common/base/random.h"

#include <cmath>
#include <numbers>
#include <string>

#include <xxhash.h>

#include "absl/strings/str_cat.h"

namespace tributary {

RandomStream::RandomStream(uint64_t seed, absl::string_view purpose, uint64_t round,
                           absl::string_view client) {
  // The lengths keep ("a", "bc") and ("ab", "c") apart: without them two purposes could share a
  // stream.
  const std::string key =
      absl::StrCat(purpose.size(), ":", purpose, ":", round, ":", client.size(), ":", client);
  const XXH128_hash_t hash = XXH3_128bits_withSeed(key.data(), key.size(), seed);
  // The step must be odd: then the state visits all 2^64 values before it repeats.
  state_ = hash.low64;
  increment_ = hash.high64 | 1;
}

uint64_t RandomStream::Next() {
  state_ += increment_;
  uint64_t z = state_;  // the constants are SplitMix64's (Steele, Lea and Flood, 2014)
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

double RandomStream::Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

uint64_t RandomStream::Below(uint64_t bound) {
  // 2^64 is no multiple of most bounds. Rejecting the first 2^64 mod bound numbers leaves a
  // multiple of it; taking them would make small remainders more likely. In unsigned arithmetic
  // -bound is 2^64 - bound, which has the same remainder.
  const uint64_t threshold = -bound % bound;
  uint64_t value = Next();
  while (value < threshold) value = Next();
  return value % bound;
}

double RandomStream::Normal() {
  // Box and Muller. 1 - Uniform() lies in (0, 1], so that the logarithm is finite. The second
  // number of each pair is not kept: the stream's place then depends on the number of draws alone.
  const double radius = std::sqrt(-2 * std::log(1 - Uniform()));
  return radius * std::cos(2 * std::numbers::pi * Uniform());
}

double RandomStream::Gamma(double shape) {
  if (shape < 1) return Gamma(shape + 1) * std::pow(1 - Uniform(), 1 / shape);
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = Normal();
    const double v = std::pow(1 + c * x, 3);
    if (v <= 0) continue;
    if (std::log(1 - Uniform()) < x * x / 2 + d - d * v + d * std::log(v)) return d * v;
  }
}

std::vector<double> RandomStream::Dirichlet(double alpha, size_t parts) {
  std::vector<double> point(parts);
  double sum = 0;
  while (sum <= 0) {  // with a tiny alpha every draw may underflow to 0; the point is drawn anew
    sum = 0;
    for (double& part : point) sum += part = Gamma(alpha);
  }
  for (double& part : point) part /= sum;
  return point;
}

}  // namespace tributary
