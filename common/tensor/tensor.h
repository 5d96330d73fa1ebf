// A host tensor without a framework: shape, float32 values, contiguous in row-major order.
//
// The wire, the coordinator's sums and its files need no more than this, so that they build without
// LibTorch. common/model/torch_state.h converts where models are computed; it copies the values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace tributary {

using Shape = std::vector<int64_t>;

// Product of the dimensions; 1 for a scalar.
int64_t ElementCount(absl::Span<const int64_t> shape);

// "[384, 128]"
std::string ShapeToString(absl::Span<const int64_t> shape);

struct Tensor {
  Shape shape;
  std::vector<float> values;  // ElementCount(shape) of them

  static Tensor Zeros(Shape shape);
};

// Tensors of which some may still be computed.
class PendingTensors {
 public:
  virtual ~PendingTensors() = default;
  // Returns once the values of `tensor` are final; at once for a tensor that is not computed.
  virtual void Await(const Tensor& tensor) = 0;
};

}  // namespace tributary
