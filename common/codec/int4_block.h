// Codec int4-block: blocks of 64 values, the last may be shorter; first the bf16 scales of all
// blocks, then the codes -7 ... 7, two to a byte, each stored as code + 8. value = scale * code,
// rounded once.
//
// scale = largest magnitude of the block / 7, rounded up to bf16: rounded down, the largest value
// would need a code beyond 7.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/codec/block_scale.h"
#include "common/codec/block_sink.h"

namespace tributary {

inline constexpr size_t kInt4BlockValues = 64;

constexpr size_t Int4BlockBytes(size_t count) {
  return (count + 1) / 2 + BlocksOf(count, kInt4BlockValues) * sizeof(uint16_t);
}
std::string EncodeInt4Block(absl::Span<const float> values);
// InvalidArgument for a stored code of 0, which no encoder writes. Values may be NaN or infinite.
absl::Status DecodeInt4Block(const CodedItems& items, size_t count, BlockSink sink);

}  // namespace tributary
