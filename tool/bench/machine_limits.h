// The speed of this machine's memory, for comparison: all cores, arrays far larger than the caches.
#pragma once

#include <cstdint>

namespace tributary {

struct MachineLimits {
  double memcpy_gbps = 0;        // bytes copied
  double weighted_sum_gbps = 0;  // bytes of f32 values added into f32 sums
  double accumulate_gbps = 0;    // bytes of f32 values added into our 64-bit sums
};

// Each figure is the best of a few runs. `bytes`: size of the array of f32 values.
MachineLimits MeasureLimits(int64_t bytes);

}  // namespace tributary
