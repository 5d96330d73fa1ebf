// The framing of chunks: tributary.v1.Chunk as written and read without copying a payload.
//
// Protocol Buffers' own classes copy each `bytes` field at least once on either side. These two
// functions read and write the same bytes with its coded streams and leave payloads where they are.
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

// Which values a transfer carries; see v1::Chunk. 0, 0: of a push.
struct ValuesVersion {
  uint64_t version = 0;
  uint64_t base = 0;  // 0: the values themselves; else what they are to be added to

  friend bool operator==(const ValuesVersion&, const ValuesVersion&) = default;
};

// What a chunk says of itself.
struct ChunkHead {
  uint32_t index = 0;
  uint32_t count = 0;
  ValuesVersion version;
};

// What a slice says of itself; see v1::TensorSlice.
struct SliceHead {
  uint32_t tensor = 0;
  uint64_t offset = 0;
  uint32_t count = 0;
  v1::Codec codec = v1::CODEC_UNSPECIFIED;  // as it came: any number
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
