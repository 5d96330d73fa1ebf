// Codec int8-block: blocks of 256 values, the last may be shorter; each an f32 scale, then one
// signed byte for each value. value = scale * code, rounded once.
//
// scale = largest magnitude of the block / 127, so that the error of a value is at most half a
// scale: 1/254 of the block's largest.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/codec/block_scale.h"
#include "common/codec/block_sink.h"

namespace tributary {

inline constexpr size_t kInt8BlockValues = 256;

constexpr size_t Int8BlockBytes(size_t count) {
  return count + BlocksOf(count, kInt8BlockValues) * sizeof(float);
}
std::string EncodeInt8Block(absl::Span<const float> values);
// Always OK. A scale may be any float, so that values may be NaN or infinite.
absl::Status DecodeInt8Block(const CodedItems& items, size_t count, BlockSink sink);

}  // namespace tributary
