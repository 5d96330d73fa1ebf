// Accumulator: adds weighted values of many updates to sums of known shapes, exactly.
//
// Sums are 64-bit fixed point with 40 fractional bits, so Add() commutes: any order of arrival, any
// number of threads and any split over accumulators gives the same bits. One product is rounded to
// 2^-41; nothing is rounded after that. Since |value| <= 2^20 and the weights that meet in one sum
// add up to at most 2, a sum stays below 2^61: it cannot overflow.
//
// Thread-safe: calls for different parts of a tensor run side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "common/base/huge_array.h"
#include "common/tensor/manifest.h"

namespace tributary {

inline constexpr float kLargestDelta = 1 << 20;

class Accumulator {
 public:
  // Zero for every tensor of `manifest`.
  explicit Accumulator(const Manifest& manifest);

  // Back to zero, keeping its memory. Touches one word per 65,536 values, not the values. No other
  // call may be running.
  void Reset();

  // Adds weight * values to tensor number `tensor` from value `offset` on. Requires |values| <=
  // kLargestDelta and 0 <= weight <= 1.
  void Add(size_t tensor, size_t offset, absl::Span<const float> values, double weight);

  // Adds the sums of `other`, which has the same manifest.
  void MergeWith(const Accumulator& other);

  // The sums of a tensor from value `offset` on, in fixed point.
  void Read(size_t tensor, size_t offset, absl::Span<int64_t> sums) const;
  // One sum, as a number.
  double Value(size_t tensor, size_t index) const;

 private:
  // Values under one lock: many blocks, so that locking costs little; and few of a large tensor, so
  // that threads rarely meet at one lock.
  static constexpr size_t kStripe = 1 << 16;
  struct Stripe {
    mutable absl::Mutex mutex;
    // How many of the stripe's first values were written since Reset(). The others count as zero,
    // whatever the memory holds, so Reset() need not write zeros.
    size_t written ABSL_GUARDED_BY(mutex) = 0;
  };
  struct Sum {
    size_t begin;  // in values_
    std::vector<Stripe> stripes;
  };

  HugeArray<int64_t> values_;  // of all tensors: small ones share huge pages
  std::vector<Sum> sums_;
};

}  // namespace tributary
