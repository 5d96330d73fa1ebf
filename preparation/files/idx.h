// IDX, the format of MNIST's files: http://yann.lecun.com/exdb/mnist/ (at the end of the page).
//
// 0, 0, the type of a value (8: uint8), the number of dimensions, each dimension as a big-endian
// uint32, then the values.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

// An array of uint8.
struct IdxArray {
  std::vector<int64_t> shape;  // 1 to 4 dimensions
  absl::string_view values;    // of the parsed bytes
};

// InvalidArgument if `bytes` is no IDX file of uint8, DataLoss if its size is not what its
// dimensions say.
absl::StatusOr<IdxArray> ParseIdx(absl::string_view bytes);

}  // namespace tributary
