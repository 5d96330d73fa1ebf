#include "server/aggregation/accumulator.h"

#include <algorithm>

#include "server/aggregation/fixed_point.h"

namespace tributary {
namespace {

// Zeroes those of a stripe's first `count` sums that were not written since Reset().
void Extend(size_t count, int64_t* sums, size_t* written) {
  if (*written >= count) return;
  std::fill(sums + *written, sums + count, 0);
  *written = count;
}

}  // namespace

Accumulator::Accumulator(const Manifest& manifest)
    : values_(static_cast<size_t>(manifest.ElementCount())) {
  size_t begin = 0;
  for (const TensorSpec& spec : manifest.tensors) {
    const auto count = static_cast<size_t>(ElementCount(spec.shape));
    sums_.push_back({begin, std::vector<Stripe>(count / kStripe + 1)});
    begin += count;
  }
}

void Accumulator::Reset() {
  for (Sum& sum : sums_) {
    for (Stripe& stripe : sum.stripes) {
      absl::MutexLock lock(&stripe.mutex);
      stripe.written = 0;
    }
  }
}

void Accumulator::Add(size_t tensor, size_t offset, absl::Span<const float> values, double weight) {
  Sum& sum = sums_[tensor];
  while (!values.empty()) {
    const size_t first = offset % kStripe;
    const size_t count = std::min(values.size(), kStripe - first);
    Stripe& stripe = sum.stripes[offset / kStripe];
    int64_t* const sums = values_.data() + sum.begin + offset - first;
    absl::MutexLock lock(&stripe.mutex);
    Extend(first + count, sums, &stripe.written);
    AddFixedPoint(values.first(count), weight * kFixedPointOne,
                  absl::MakeSpan(sums + first, count));
    values.remove_prefix(count);
    offset += count;
  }
}

void Accumulator::MergeWith(const Accumulator& other) {
  for (size_t tensor = 0; tensor < sums_.size(); ++tensor) {
    Sum& sum = sums_[tensor];
    for (size_t i = 0; i < sum.stripes.size(); ++i) {
      const Stripe& theirs = other.sums_[tensor].stripes[i];
      // Nobody merges in the other direction at the same time, so the order of the locks is safe.
      absl::MutexLock their_lock(&theirs.mutex);
      absl::MutexLock lock(&sum.stripes[i].mutex);
      const size_t begin = sum.begin + i * kStripe;
      int64_t* const sums = values_.data() + begin;
      Extend(theirs.written, sums, &sum.stripes[i].written);
      for (size_t j = 0; j < theirs.written; ++j) sums[j] += other.values_[begin + j];
    }
  }
}

void Accumulator::Read(size_t tensor, size_t offset, absl::Span<int64_t> sums) const {
  const Sum& sum = sums_[tensor];
  while (!sums.empty()) {
    const size_t first = offset % kStripe;
    const size_t count = std::min(sums.size(), kStripe - first);
    const Stripe& stripe = sum.stripes[offset / kStripe];
    absl::MutexLock lock(&stripe.mutex);
    // What lies beyond `written` is of an earlier round.
    const size_t written = std::clamp(stripe.written, first, first + count) - first;
    std::copy_n(values_.data() + sum.begin + offset, written, sums.begin());
    std::fill(sums.begin() + static_cast<std::ptrdiff_t>(written),
              sums.begin() + static_cast<std::ptrdiff_t>(count), 0);
    sums.remove_prefix(count);
    offset += count;
  }
}

double Accumulator::Value(size_t tensor, size_t index) const {
  int64_t sum = 0;
  Read(tensor, index, absl::MakeSpan(&sum, 1));
  return static_cast<double>(sum) / kFixedPointOne;
}

}  // namespace tributary
