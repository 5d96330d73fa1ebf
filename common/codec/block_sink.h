// What every decoder has in common: the payload that it is given and the blocks that it hands over.
//
// A decoder fills blocks of kDecodeBlock values and passes each to a sink, so that a slice is
// decoded, checked and added while its values are in the first cache.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace tributary {

// Values that a decoder hands over at a time: 4 KiB of floats, an eighth of a common first cache.
inline constexpr size_t kDecodeBlock = 1024;

// Takes each block of decoded values, in order: `offset` counts from the slice's first value. Valid
// during the call.
using BlockSink = absl::FunctionRef<void(size_t offset, absl::Span<const float> values)>;

// A payload after unpacking.
struct CodedItems {
  absl::string_view bytes;
  // Whether the items (CodecRow::item_width bytes each) lie plane by plane, as they were packed;
  // else one after the other.
  bool planes = false;
};

// Calls fill(begin, values) for each block of `count` values, then the sink with them. A template,
// so that the one indirect call of a block is the sink's.
template <typename Fill>
void FillBlocks(size_t count, BlockSink sink, Fill fill) {
  alignas(64) std::array<float, kDecodeBlock> block;
  for (size_t begin = 0; begin < count; begin += kDecodeBlock) {
    const absl::Span<float> values =
        absl::MakeSpan(block).first(std::min(kDecodeBlock, count - begin));
    fill(begin, values);
    sink(begin, values);
  }
}

}  // namespace tributary
