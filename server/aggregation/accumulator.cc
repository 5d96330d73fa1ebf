#include "server/aggregation/accumulator.h"

#include <cmath>

namespace tributary {
namespace {

constexpr double kOne = 0x1.0p40;

}  // namespace

Accumulator::Accumulator(const Manifest& manifest) {
  for (const TensorSpec& spec : manifest.tensors) {
    sums_.push_back(std::make_unique<Sum>());
    sums_.back()->values.resize(static_cast<size_t>(ElementCount(spec.shape)));
  }
}

void Accumulator::Add(size_t tensor, size_t offset, absl::Span<const float> values, double weight) {
  Sum& sum = *sums_[tensor];
  const double scale = weight * kOne;
  absl::MutexLock lock(&sum.mutex);
  int64_t* out = sum.values.data() + offset;
  for (size_t i = 0; i < values.size(); ++i) {
    out[i] += static_cast<int64_t>(std::nearbyint(static_cast<double>(values[i]) * scale));
  }
}

void Accumulator::MergeWith(const Accumulator& other) {
  for (size_t tensor = 0; tensor < sums_.size(); ++tensor) {
    absl::MutexLock lock(&sums_[tensor]->mutex);
    const std::vector<int64_t>& from = other.sums_[tensor]->values;
    std::vector<int64_t>& to = sums_[tensor]->values;
    for (size_t i = 0; i < to.size(); ++i) to[i] += from[i];
  }
}

double Accumulator::Value(size_t tensor, size_t index) const {
  return static_cast<double>(sums_[tensor]->values[index]) / kOne;
}

}  // namespace tributary
