// The arithmetic that block codecs share: one scale for each block of values.
#pragma once

#include <cmath>
#include <cstddef>

namespace tributary {

// Blocks of `size` values that `count` values fill; the last may be shorter.
constexpr size_t BlocksOf(size_t count, size_t size) { return (count + size - 1) / size; }

// What values are multiplied by to become codes; 0, so that all codes are 0, for a scale of 0 and
// for a subnormal one, whose inverse overflows: such values are nothing beside any other.
inline float InverseScale(float scale) {
  return scale > 0 && std::isfinite(1 / scale) ? 1 / scale : 0;
}

}  // namespace tributary
