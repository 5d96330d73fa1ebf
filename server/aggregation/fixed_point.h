// The accumulator's inner loops: exact sums in 64-bit fixed point, 40 fractional bits.
//
// Compiled for each instruction set and chosen when the program starts; all give the same bits.
#pragma once

#include <cstdint>

#include "absl/types/span.h"

namespace tributary {

inline constexpr double kFixedPointOne = 0x1.0p40;

// sums[i] += values[i] * scale, the product as a double rounded to the nearest integer, ties to
// even. Requires |values[i] * scale| < 2^63, and sums.size() == values.size().
void AddFixedPoint(absl::Span<const float> values, double scale, absl::Span<int64_t> sums);

// values[i] = sums[i] / kFixedPointOne, rounded to nearest even. Requires sums.size() ==
// values.size().
void ReadFixedPoint(absl::Span<const int64_t> sums, absl::Span<double> values);

// values[i] += factor * sums[i] / kFixedPointOne, computed as doubles, each step rounded to nearest
// even. Requires sums.size() == values.size().
void AddSums(absl::Span<const int64_t> sums, double factor, absl::Span<float> values);

}  // namespace tributary
