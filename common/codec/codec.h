// Codecs: how a run of float values becomes the payload of a slice and back.
//
// common/codec/codec_table.h lists them; each is described in the header that its row includes.
// After a codec, where it makes the payload smaller, the bytes are put plane by plane (all first
// bytes of the items, then all second bytes ...) and packed by zstd. docs/wire.md is the format's
// definition, docs/codecs.md says when to take which.
//
// What a codec loses of an update is not lost where UsesErrorFeedback(): the client adds it to its
// next one.
//
// Stateless and thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/codec/block_sink.h"
#include "common/codec/codec_table.h"
#include "tributary/v1/tensor.pb.h"

namespace tributary {

// The row's word: "int8-block".
absl::string_view CodecName(Codec codec);
v1::Codec CodecToProto(Codec codec);
// InvalidArgument for a number that this build does not know.
absl::StatusOr<Codec> CodecFromProto(v1::Codec codec);

// Whether a client keeps what the codec loses of an update and adds it to its next one: for codecs
// whose loss is not small beside the update itself.
bool UsesErrorFeedback(Codec codec);

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

// Decodes a payload of `count` values, 1 to kMostSliceValues, block by block into `sink`.
// `scratch` is the caller's, to be reused. InvalidArgument if the payload does not have the size or
// form that codec and count ask for; a compressed one is never unpacked beyond that size. The sink
// may have been called before an error. Values may be NaN or infinite.
absl::Status DecodeValues(Codec codec, bool compressed, absl::string_view payload, size_t count,
                          std::string* scratch, BlockSink sink);

// Rounds each value to what a codec that may carry a whole model makes of it; others leave it
// alone.
void RoundTo(Codec codec, absl::Span<float> values);

}  // namespace tributary
