// A model for benchmarks: as many bytes as asked, in tensors with the shapes of a transformer.
#pragma once

#include <cstdint>

#include "common/tensor/state_dict.h"

namespace tributary {

// About `bytes` bytes in exactly `tensors` (at least 2) f32 tensors: one large table (a fifth), and
// matrices and vectors in turns. Values are small, different from tensor to tensor, and the same
// for the same arguments.
StateDict SyntheticModel(int64_t bytes, int tensors);

}  // namespace tributary
