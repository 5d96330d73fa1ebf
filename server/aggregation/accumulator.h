// Accumulator: adds weighted values of many updates to sums of known shapes, exactly.
//
// Sums are 64-bit fixed point with 40 fractional bits, so Add() commutes: any order of arrival, any
// number of threads and any split over accumulators gives the same bits. One product is rounded to
// 2^-41; nothing is rounded after that. Since |value| <= 2^20 and the weights that meet in one sum
// add up to at most 2, a sum stays below 2^61: it cannot overflow.
//
// Thread-safe: calls for different tensors run side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "common/tensor/manifest.h"

namespace tributary {

inline constexpr float kLargestDelta = 1 << 20;

class Accumulator {
 public:
  // Zero for every tensor of `manifest`.
  explicit Accumulator(const Manifest& manifest);

  // Adds weight * values to tensor number `tensor` from value `offset` on. Requires |values| <=
  // kLargestDelta and 0 <= weight <= 1.
  void Add(size_t tensor, size_t offset, absl::Span<const float> values, double weight);

  // Adds the sums of `other`, which has the same manifest.
  void MergeWith(const Accumulator& other);

  // The sum as a number. No Add() may be running.
  double Value(size_t tensor, size_t index) const;

 private:
  struct Sum {
    mutable absl::Mutex mutex;
    std::vector<int64_t> values;
  };
  std::vector<std::unique_ptr<Sum>> sums_;
};

}  // namespace tributary
