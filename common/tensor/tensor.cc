#include "common/tensor/tensor.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tributary {

// Shapes that come from outside are checked for overflow where they are read.
int64_t ElementCount(absl::Span<const int64_t> shape) {
  int64_t count = 1;
  for (const int64_t dimension : shape) count *= dimension;
  return count;
}

std::string ShapeToString(absl::Span<const int64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

Tensor Tensor::Zeros(Shape shape) {
  const auto count = static_cast<size_t>(tributary::ElementCount(shape));
  return {.shape = std::move(shape), .values = std::vector<float>(count)};
}

}  // namespace tributary
