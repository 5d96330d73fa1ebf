// Codecs: how a run of float values becomes the payload of a slice and back.
//
//   f32         as they are: lossless
//   f16, bf16   rounded to nearest even
//   int8-block  blocks of 256 values: one f32 scale (largest magnitude / 127) each, then one int8
//   each
//
// Then, where it makes the payload smaller, the bytes are put plane by plane (all first bytes of
// the values, then all second bytes ...) and packed by zstd. proto/tributary/v1/tensor.proto is the
// format's definition.
//
// Stateless and thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tributary/v1/tensor.pb.h"

namespace tributary {

enum class Codec { kF32, kF16, kBf16, kInt8Block };

// "f32", "f16", "bf16", "int8-block".
absl::string_view CodecName(Codec codec);
v1::Codec CodecToProto(Codec codec);
// InvalidArgument for a number that this build does not know.
absl::StatusOr<Codec> CodecFromProto(v1::Codec codec);

// Values in one slice at most. Bounds what a receiver must hold to decode one.
inline constexpr uint32_t kMostSliceValues = 1 << 18;

// Bytes of `count` values before compression.
size_t CodedBytes(Codec codec, size_t count);

// The payload for `values`, without zstd.
std::string EncodeValues(Codec codec, absl::Span<const float> values);
// The inverse. Requires payload.size() == CodedBytes(codec, values.size()).
void DecodeValues(Codec codec, absl::string_view payload, absl::Span<float> values);

// Fills codec, compressed, count, payload and checksum of `slice`. `values`: 1 to kMostSliceValues.
void EncodeSlice(Codec codec, absl::Span<const float> values, v1::TensorSlice* slice);

// Decodes `slice` into `values`, whose size the caller has checked to be slice.count().
// InvalidArgument for an unknown codec or a payload of the wrong size (a compressed one is never
// unpacked beyond that size), DataLoss for a wrong checksum, OutOfRange for a value that is NaN or
// infinite.
absl::Status DecodeSlice(const v1::TensorSlice& slice, absl::Span<float> values);

}  // namespace tributary
