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
#include <memory>
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

  // Back to zero, keeping its memory. No other call may be running.
  void Clear(int threads);

  // Adds weight * values to tensor number `tensor` from value `offset` on. Requires |values| <=
  // kLargestDelta and 0 <= weight <= 1.
  void Add(size_t tensor, size_t offset, absl::Span<const float> values, double weight);

  // Adds the sums of `other`, which has the same manifest.
  void MergeWith(const Accumulator& other);

  // The sums of a tensor from value `offset` on, as numbers, which are zero afterwards. Calls for
  // different values may run side by side, Add() may not.
  void Drain(size_t tensor, size_t offset, absl::Span<double> sums);

  // The sum as a number. No Add() may be running.
  double Value(size_t tensor, size_t index) const;

 private:
  // Values under one lock: more than a slice's worth of blocks, few enough for threads to spread.
  static constexpr size_t kStripe = 1 << 16;
  struct Sum {
    HugeArray<int64_t> values;
    mutable std::vector<absl::Mutex> stripes;
  };
  std::vector<std::unique_ptr<Sum>> sums_;
};

}  // namespace tributary
