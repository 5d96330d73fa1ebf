// Codecs: how a run of float values becomes the payload of a slice and back.
//
//   f32         as they are: lossless
//   f16, bf16   rounded to nearest even
//   int8-block  blocks of 256 values: one f32 scale (largest magnitude / 127) each, then one int8
//               each
//   int4-block  blocks of 64 values: one bf16 scale (largest magnitude / 7) each, then half a byte
//               each
//   topk        the sixteenth of the values that is largest in magnitude, by 16-bit gaps and bf16
//               values; the others become 0
//
// Then, where it makes the payload smaller, the bytes are put plane by plane (all first bytes of
// the values, then all second bytes ...) and packed by zstd. docs/wire.md is the format's
// definition, docs/codecs.md says when to take which.
//
// What a codec loses of an update is not lost where UsesErrorFeedback(): the client adds it to its
// next one.
//
// Stateless and thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tributary/v1/tensor.pb.h"

namespace tributary {

enum class Codec { kF32, kF16, kBf16, kInt8Block, kInt4Block, kTopK };
inline constexpr Codec kCodecs[] = {Codec::kF32,       Codec::kF16,       Codec::kBf16,
                                    Codec::kInt8Block, Codec::kInt4Block, Codec::kTopK};

// "f32", "f16", "bf16", "int8-block", "int4-block", "topk".
absl::string_view CodecName(Codec codec);
v1::Codec CodecToProto(Codec codec);
// InvalidArgument for a number that this build does not know.
absl::StatusOr<Codec> CodecFromProto(v1::Codec codec);

// Whether a client keeps what the codec loses of an update and adds it to its next one: for codecs
// whose loss is not small beside the update itself.
bool UsesErrorFeedback(Codec codec);

// Values in one slice at most. Bounds what a receiver must hold to decode one.
inline constexpr uint32_t kMostSliceValues = 1 << 18;
// Values that a decoder hands over at a time: they stay in the core's first cache.
inline constexpr size_t kDecodeBlock = 1024;

// Bytes of `count` values before packing; of topk the most that they may be.
size_t CodedBytes(Codec codec, size_t count);

// A slice's payload and what its header says of it.
struct CodedPayload {
  std::string bytes;
  bool compressed = false;
};

// The payload for `values`: 1 to kMostSliceValues, all finite.
CodedPayload EncodeValues(Codec codec, absl::Span<const float> values);

// The values of a payload that lie in it as they are, at an address that floats may have; nothing
// if they must be decoded. The size is not checked.
std::optional<absl::Span<const float>> PlainValues(Codec codec, bool compressed,
                                                   absl::string_view payload);

// Takes each block of decoded values, in order: `offset` counts from the slice's first value. Valid
// during the call.
using BlockSink = absl::FunctionRef<void(size_t offset, absl::Span<const float> values)>;

// Decodes a payload of `count` values, 1 to kMostSliceValues, block by block into `sink`.
// `scratch` is the caller's, to be reused. InvalidArgument if the payload does not have the size or
// form that codec and count ask for; a compressed one is never unpacked beyond that size. The sink
// may have been called before an error. Values may be NaN or infinite.
absl::Status DecodeValues(Codec codec, bool compressed, absl::string_view payload, size_t count,
                          std::string* scratch, BlockSink sink);

// Rounds each value to what `codec` (kF16 or kBf16; others leave it alone) makes of it.
void RoundTo(Codec codec, absl::Span<float> values);

}  // namespace tributary
