// The table of codecs: one row says everything that the rest of the program knows of a codec.
//
// Words of run files and flags, the lists of what may be chosen for updates, models and
// differences, error texts, sizes, packing and error feedback all come from here. A new codec is a
// value of Codec, a row, and the file that the row's functions are in; see "A codec" of
// CONTRIBUTING.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/codec/block_sink.h"
#include "common/codec/f32.h"
#include "common/codec/half_floats.h"
#include "common/codec/int4_block.h"
#include "common/codec/int8_block.h"
#include "common/codec/topk.h"
#include "tributary/v1/tensor.pb.h"

namespace tributary {

// In the order of kCodecTable.
enum class Codec { kF32, kF16, kBf16, kInt8Block, kInt4Block, kTopK };

// Values in one slice at most. Bounds what a receiver must hold to decode one: 1 MiB of floats.
inline constexpr uint32_t kMostSliceValues = 1 << 18;

// Functions take 1 to kMostSliceValues values, keep no state, and are called once for each slice:
// loops over values are theirs.
struct CodecRow {
  Codec codec;
  absl::string_view word;  // in run files, flags, logs, messages
  v1::Codec proto;         // on the wire
  // Every value comes back bit for bit.
  bool lossless;
  // Clients keep what an update lost and add it to their next one: for losses that are not small
  // beside the update itself.
  bool error_feedback;
  // Bytes of an item. Packing puts all first bytes of the items first, then all second bytes: 1, 2
  // or 4; 1 leaves a payload as it is.
  size_t item_width;
  // 0: a payload has most_bytes(count) bytes. Else it may be shorter, by whole entries of this
  // size.
  size_t entry_bytes;
  // Bytes of a payload before packing, at most; no more than 5 for a value and 64 in all.
  size_t (*most_bytes)(size_t count);
  // `values` are finite.
  std::string (*encode)(absl::Span<const float> values);
  // `items` has a size that the row allows and is not trusted beyond that: InvalidArgument for
  // bytes that no encoder writes, maybe after the sink was called. Values may be NaN or infinite.
  absl::Status (*decode)(const CodedItems& items, size_t count, BlockSink sink);
  // Makes each value what it is after encoding and decoding; whatever values stand beside it, and
  // once more changes nothing. Null for codecs that cannot promise that: they may not carry a whole
  // model, since who pulls it whole and who adds a difference must hold the same bits.
  void (*round)(absl::Span<float> values);
};

inline constexpr CodecRow kCodecTable[] = {
    {.codec = Codec::kF32,
     .word = "f32",
     .proto = v1::CODEC_F32,
     .lossless = true,
     .error_feedback = false,
     .item_width = 4,
     .entry_bytes = 0,
     .most_bytes = F32Bytes,
     .encode = EncodeF32,
     .decode = DecodeF32,
     .round = RoundToF32},
    {.codec = Codec::kF16,
     .word = "f16",
     .proto = v1::CODEC_F16,
     .lossless = false,
     .error_feedback = false,
     .item_width = 2,
     .entry_bytes = 0,
     .most_bytes = HalfFloatsBytes,
     .encode = EncodeF16,
     .decode = DecodeF16,
     .round = RoundToF16},
    {.codec = Codec::kBf16,
     .word = "bf16",
     .proto = v1::CODEC_BF16,
     .lossless = false,
     .error_feedback = false,
     .item_width = 2,
     .entry_bytes = 0,
     .most_bytes = HalfFloatsBytes,
     .encode = EncodeBf16,
     .decode = DecodeBf16,
     .round = RoundToBf16},
    {.codec = Codec::kInt8Block,
     .word = "int8-block",
     .proto = v1::CODEC_INT8_BLOCK,
     .lossless = false,
     .error_feedback = true,
     .item_width = 1,
     .entry_bytes = 0,
     .most_bytes = Int8BlockBytes,
     .encode = EncodeInt8Block,
     .decode = DecodeInt8Block,
     .round = nullptr},
    {.codec = Codec::kInt4Block,
     .word = "int4-block",
     .proto = v1::CODEC_INT4_BLOCK,
     .lossless = false,
     .error_feedback = true,
     .item_width = 1,
     .entry_bytes = 0,
     .most_bytes = Int4BlockBytes,
     .encode = EncodeInt4Block,
     .decode = DecodeInt4Block,
     .round = nullptr},
    {.codec = Codec::kTopK,
     .word = "topk",
     .proto = v1::CODEC_TOPK,
     .lossless = false,
     .error_feedback = true,
     .item_width = 2,
     .entry_bytes = kTopKEntryBytes,
     .most_bytes = TopKBytes,
     .encode = EncodeTopK,
     .decode = DecodeTopK,
     .round = nullptr},
};

constexpr const CodecRow& RowOf(Codec codec) { return kCodecTable[static_cast<size_t>(codec)]; }

// Whether a whole model may be sent in it: with eight bits and fewer, the error of a weight is as
// large as a whole round's update.
constexpr bool MayCarryModel(const CodecRow& row) { return row.round != nullptr; }
// Whether a difference may be sent in it: a lossless one is no smaller than the model itself.
constexpr bool MayCarryDifference(const CodecRow& row) { return !row.lossless; }
constexpr bool MayCarryUpdate(const CodecRow&) { return true; }

constexpr size_t CountOfCodecs(bool (*wanted)(const CodecRow& row)) {
  size_t count = 0;
  for (const CodecRow& row : kCodecTable) count += wanted(row) ? 1 : 0;
  return count;
}

// Every codec, in the table's order.
inline constexpr auto kCodecs = [] {
  std::array<Codec, std::size(kCodecTable)> codecs{};
  for (size_t i = 0; i < codecs.size(); ++i) codecs[i] = kCodecTable[i].codec;
  return codecs;
}();

constexpr bool CodecsHaveTheirPlaces() {
  for (size_t i = 0; i < kCodecs.size(); ++i) {
    if (static_cast<size_t>(kCodecs[i]) != i) return false;
  }
  return true;
}
static_assert(CodecsHaveTheirPlaces(), "RowOf() finds the row of a codec by its value");

// The words of the wanted rows as text: "f32, f16 and bf16" with the conjunction "and".
std::string ListOfCodecs(bool (*wanted)(const CodecRow& row), absl::string_view conjunction);

}  // namespace tributary
