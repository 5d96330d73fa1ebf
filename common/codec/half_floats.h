// Codecs f16 and bf16: each value by itself in 16 bits, little endian, rounded to nearest even.
//
//   f16    IEEE 754 binary16: 11 significant bits, magnitudes up to 65504, infinity beyond
//   bf16   the upper half of binary32: 8 significant bits, the range of binary32
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/codec/block_sink.h"

namespace tributary {

constexpr size_t HalfFloatsBytes(size_t count) { return 2 * count; }

std::string EncodeF16(absl::Span<const float> values);
std::string EncodeBf16(absl::Span<const float> values);
// Always OK: every pattern of 16 bits is a value, NaN and infinity among them.
absl::Status DecodeF16(const CodedItems& items, size_t count, BlockSink sink);
absl::Status DecodeBf16(const CodedItems& items, size_t count, BlockSink sink);
// What a receiver of the values holds.
void RoundToF16(absl::Span<float> values);
void RoundToBf16(absl::Span<float> values);

}  // namespace tributary
