// The last step of an aggregation: sums and old globals become new globals, in place.
//
// Parameters that read each other's old values (an update that contributes to another target) are
// computed together, a block at a time, before any of that block is written: no copy of a model is
// needed. Pure in its inputs; any number of threads gives the same bits.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/tensor/tensor.h"
#include "server/aggregation/accumulator.h"
#include "server/aggregation/plain_update.h"

namespace tributary {

// new = old + factor * sum + sum over foreign of coefficient * (that tensor's old value - old),
// where sum = what `sums` holds + sum over addends of weight * that update's value.
struct MergeStep {
  struct Addend {
    const PlainUpdate* update;
    size_t tensor;  // of that update
    double weight;
  };
  Tensor* tensor = nullptr;  // holds the old values, and the new ones in the end
  const Accumulator* sums = nullptr;
  size_t place = 0;  // of the tensor in `sums`
  double factor = 1;
  std::vector<Addend> addends = {};
  std::vector<std::pair<const Tensor*, double>> foreign = {};
};

// Goes on with new values while others are still being computed. `await` returns when a tensor has
// its new values, or keeps its old ones; until then it computes, as the other threads do: one that
// slept would wait for a core as long as they have work.
using BesideMerge = std::function<void(const AwaitTensor& await)>;

// Takes all steps, about in their order, on up to `threads` threads of which the caller's is one;
// that one calls `beside` first, if it is not null. Internal, and `beside` is not called, if a
// foreign tensor has another number of values.
absl::Status Merge(absl::Span<const MergeStep> steps, int threads,
                   const BesideMerge& beside = nullptr);

}  // namespace tributary
