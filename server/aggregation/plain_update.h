// PlainUpdate: a whole update that lies in memory as plain float32 values, readable at any offset.
//
// Such an update skips the Accumulator: a merge reads each of its values once, from the spool. That
// saves a pass over the 8-byte sums, which are twice the update's size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "server/aggregation/upload.h"

namespace tributary {

// Immutable: any thread may read. Holds its upload.
class PlainUpdate {
 public:
  // Nothing if a value must be decoded first, or lies in a file. `upload`: complete. `tensors`: how
  // many of the manifest's tensors are added to sums; those after them are representations.
  static std::optional<PlainUpdate> Of(std::shared_ptr<const Upload> upload, size_t tensors);

  // Adds weight * value to `sums`, in fixed point, for the values of tensor number `tensor` from
  // value `offset` on. Requires 0 <= weight <= 1 and offset + sums.size() <= the tensor's size.
  void AddTo(size_t tensor, size_t offset, double weight, absl::Span<int64_t> sums) const;

 private:
  struct Slice {
    size_t offset;
    absl::Span<const float> values;
  };

  PlainUpdate() = default;

  std::shared_ptr<const Upload> upload_;
  std::vector<std::vector<Slice>> slices_;  // by tensor, in increasing order of offset
};

}  // namespace tributary
