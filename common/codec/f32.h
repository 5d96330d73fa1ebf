// Codec f32: IEEE 754 binary32, little endian, as the values lie in memory. Lossless.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/codec/block_sink.h"

namespace tributary {

constexpr size_t F32Bytes(size_t count) { return 4 * count; }
std::string EncodeF32(absl::Span<const float> values);
// Always OK.
absl::Status DecodeF32(const CodedItems& items, size_t count, BlockSink sink);
// Lossless: changes nothing.
inline void RoundToF32(absl::Span<float>) {}

// The values of a payload that is not in planes, where they lie; nothing if that is no address for
// floats.
std::optional<absl::Span<const float>> F32ValuesAt(absl::string_view bytes);

}  // namespace tributary
