#include "server/aggregation/accumulator.h"

#include <algorithm>

#include "common/base/parallel.h"
#include "server/aggregation/fixed_point.h"

namespace tributary {

Accumulator::Accumulator(const Manifest& manifest) {
  for (const TensorSpec& spec : manifest.tensors) {
    const auto count = static_cast<size_t>(ElementCount(spec.shape));
    auto sum = std::make_unique<Sum>();
    sum->values = HugeArray<int64_t>(count);
    sum->stripes = std::vector<absl::Mutex>(count / kStripe + 1);
    sums_.push_back(std::move(sum));
  }
}

void Accumulator::Clear(int threads) {
  ParallelFor(threads, sums_.size(),
              [&](size_t i) { std::fill(sums_[i]->values.begin(), sums_[i]->values.end(), 0); });
}

void Accumulator::Add(size_t tensor, size_t offset, absl::Span<const float> values, double weight) {
  Sum& sum = *sums_[tensor];
  const absl::Span<int64_t> sums = absl::MakeSpan(sum.values.data() + offset, values.size());
  for (size_t begin = 0; begin < values.size();) {
    const size_t stripe = (offset + begin) / kStripe;
    const size_t count = std::min(values.size() - begin, (stripe + 1) * kStripe - offset - begin);
    absl::MutexLock lock(&sum.stripes[stripe]);
    AddFixedPoint(values.subspan(begin, count), weight * kFixedPointOne,
                  sums.subspan(begin, count));
    begin += count;
  }
}

void Accumulator::MergeWith(const Accumulator& other) {
  for (size_t tensor = 0; tensor < sums_.size(); ++tensor) {
    const HugeArray<int64_t>& from = other.sums_[tensor]->values;
    HugeArray<int64_t>& to = sums_[tensor]->values;
    for (size_t begin = 0; begin < to.size(); begin += kStripe) {
      absl::MutexLock lock(&sums_[tensor]->stripes[begin / kStripe]);
      const size_t end = std::min(begin + kStripe, to.size());
      for (size_t i = begin; i < end; ++i) to[i] += from[i];
    }
  }
}

void Accumulator::Drain(size_t tensor, size_t offset, absl::Span<double> sums) {
  int64_t* from = sums_[tensor]->values.data() + offset;
  for (size_t i = 0; i < sums.size(); ++i) {
    sums[i] = static_cast<double>(from[i]) / kFixedPointOne;
    from[i] = 0;
  }
}

double Accumulator::Value(size_t tensor, size_t index) const {
  return static_cast<double>(sums_[tensor]->values[index]) / kFixedPointOne;
}

}  // namespace tributary
