#include "tool/bench/synthetic_model.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"

namespace tributary {
namespace {

constexpr int64_t kWidth = 384;

Tensor Drawn(Shape shape, int seed) {
  Tensor tensor = Tensor::Zeros(std::move(shape));
  // 4,096 values are drawn and repeated: drawing hundreds of millions would take longer than the
  // benchmark.
  RandomStream stream(static_cast<uint64_t>(seed), "synthetic model");
  std::vector<float> run(1 << 12);
  for (float& value : run) value = static_cast<float>(0.02 * stream.Normal());
  for (size_t i = 0; i < tensor.values.size(); i += run.size()) {
    std::copy_n(run.begin(), std::min(run.size(), tensor.values.size() - i),
                tensor.values.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return tensor;
}

}  // namespace

StateDict SyntheticModel(int64_t bytes, int tensors) {
  const int64_t values = bytes / static_cast<int64_t>(sizeof(float));
  const int matrices = tensors / 2;
  const int64_t table_rows = std::max<int64_t>(1, values / 5 / kWidth);
  const int64_t left = values - table_rows * kWidth - (tensors - matrices - 1) * kWidth;
  StateDict state;
  int drawn = 0;
  // Names are all different.
  state.Add("table.weight", Drawn({table_rows, kWidth}, drawn++)).IgnoreError();
  for (int i = 0; i < matrices; ++i) {
    // Differences of rounded-down multiples: the rows of all matrices add up to the exact total.
    const int64_t rows = left * (i + 1) / matrices / kWidth - left * i / matrices / kWidth;
    state
        .Add(absl::StrCat("blocks.", i, ".weight"),
             Drawn({std::max<int64_t>(1, rows), kWidth}, drawn++))
        .IgnoreError();
    if (i + 1 < tensors - matrices) {
      state.Add(absl::StrCat("blocks.", i, ".bias"), Drawn({kWidth}, drawn++)).IgnoreError();
    }
  }
  return state;
}

}  // namespace tributary
