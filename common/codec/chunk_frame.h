// The framing of chunks: writes and reads tributary.v1.Chunk without copying a payload.
//
// Protocol Buffers' own classes copy each `bytes` field at least once on either side. These
// functions write and read the same bytes with its coded streams and leave payloads where they are.
// proto/tributary/v1/tensor.proto is the definition; chunk_frame_test compares the two.
//
// Pure functions.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tributary/v1/tensor.pb.h"

namespace tributary {

// The versions of a transfer's values; see v1::Chunk. Both are 0 in a push.
struct ValuesVersion {
  uint64_t version = 0;
  uint64_t base = 0;  // version that the values are differences from; 0: they are the values

  friend bool operator==(const ValuesVersion&, const ValuesVersion&) = default;
};

// The fields of a chunk beside its slices.
struct ChunkHead {
  uint32_t index = 0;
  uint32_t count = 0;
  ValuesVersion version;
};

// The fields of a slice beside its payload; see v1::TensorSlice.
struct SliceHead {
  uint32_t tensor = 0;
  uint64_t offset = 0;
  uint32_t count = 0;
  v1::Codec codec = v1::CODEC_UNSPECIFIED;  // as received, not checked: any number
  bool compressed = false;
  uint64_t checksum = 0;
  v1::Codec sum_codec = v1::CODEC_UNSPECIFIED;
};

struct EncodedSlice {
  SliceHead head;
  absl::Cord payload;
};

// The serialized chunk; payloads are shared with `slices`.
absl::Cord WriteChunk(const ChunkHead& head, absl::Span<const EncodedSlice> slices);

// Reads a chunk's own fields. InvalidArgument if the bytes are not a Chunk message.
absl::StatusOr<ChunkHead> ReadChunkHead(absl::string_view serialized);

// Calls `visit` with each slice in turn, `payload` lying within `serialized`, until it returns an
// error, which is passed on. InvalidArgument if the bytes are not a Chunk message.
absl::Status ForEachSlice(
    absl::string_view serialized,
    absl::FunctionRef<absl::Status(const SliceHead& head, absl::string_view payload)> visit);

}  // namespace tributary
