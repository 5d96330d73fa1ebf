#include "common/codec/chunk_frame.h"

#include <string>
#include <utility>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include "common/base/status_macros.h"

namespace tributary {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

constexpr uint32_t Tag(int field, WireFormatLite::WireType type) {
  return static_cast<uint32_t>(field) << 3 | static_cast<uint32_t>(type);
}
constexpr auto kVarint = WireFormatLite::WIRETYPE_VARINT;
constexpr auto kFixed64 = WireFormatLite::WIRETYPE_FIXED64;
constexpr auto kBytes = WireFormatLite::WIRETYPE_LENGTH_DELIMITED;

// Appends fields to a string; fields that are zero are left out, as proto3 does.
class FieldWriter {
 public:
  explicit FieldWriter(std::string* bytes) : stream_(bytes), coded_(&stream_) {}
  void Varint(int field, uint64_t value) {
    if (value == 0) return;
    coded_.WriteTag(Tag(field, kVarint));
    coded_.WriteVarint64(value);
  }
  void Fixed(int field, uint64_t value) {
    if (value == 0) return;
    coded_.WriteTag(Tag(field, kFixed64));
    coded_.WriteLittleEndian64(value);
  }
  // The bytes themselves are to follow.
  void Length(int field, size_t length) {
    coded_.WriteTag(Tag(field, kBytes));
    coded_.WriteVarint64(length);
  }

 private:
  google::protobuf::io::StringOutputStream stream_;
  CodedOutputStream coded_;
};

absl::Status NotAChunk() { return absl::InvalidArgumentError("its bytes are not a Chunk message"); }

// The next `length` bytes without copying them; false if there are fewer.
bool TakeView(CodedInputStream* input, absl::string_view* view) {
  uint32_t length = 0;
  if (!input->ReadVarint32(&length)) return false;
  const void* data = nullptr;
  int available = 0;
  if (length == 0) {
    *view = {};
    return true;
  }
  // The stream reads from one flat array, so that the direct buffer is all that is left of it.
  if (length > INT32_MAX || !input->GetDirectBufferPointer(&data, &available) ||
      static_cast<uint32_t>(available) < length) {
    return false;
  }
  *view = {static_cast<const char*>(data), length};
  return input->Skip(static_cast<int>(length));
}

// Reads a number. One that is too long for its field is truncated, as Protocol Buffers does it.
template <typename T>
bool ReadNumber(CodedInputStream* input, T* field) {
  uint64_t value = 0;
  if (!input->ReadVarint64(&value)) return false;
  *field = static_cast<T>(value);
  return true;
}

// As a generated parser: fields may come in any order, the last of a repeated one counts, and
// unknown ones are skipped, so that later versions may add fields.
bool ReadSlice(absl::string_view bytes, SliceHead* head, absl::string_view* payload) {
  CodedInputStream input(reinterpret_cast<const uint8_t*>(bytes.data()),
                         static_cast<int>(bytes.size()));
  *head = {};
  *payload = {};
  while (const uint32_t tag = input.ReadTag()) {
    bool good;
    switch (tag) {
      case Tag(1, kVarint):
        good = ReadNumber(&input, &head->tensor);
        break;
      case Tag(2, kVarint):
        good = ReadNumber(&input, &head->offset);
        break;
      case Tag(3, kVarint):
        good = ReadNumber(&input, &head->count);
        break;
      case Tag(4, kVarint):
        good = ReadNumber(&input, &head->codec);
        break;
      case Tag(5, kVarint):
        good = ReadNumber(&input, &head->compressed);
        break;
      case Tag(6, kBytes):
        good = TakeView(&input, payload);
        break;
      case Tag(7, kFixed64):
        good = input.ReadLittleEndian64(&head->checksum);
        break;
      case Tag(8, kVarint):
        good = ReadNumber(&input, &head->sum_codec);
        break;
      default:
        good = WireFormatLite::SkipField(&input, tag);
    }
    if (!good) return false;
  }
  return input.ConsumedEntireMessage();
}

// A padding field that moves an F32 payload to a multiple of 4 bytes in the chunk, or no field if
// it lies at one already. `begin`: where the slice's field begins in the chunk; `head`, `rest`:
// bytes of the slice before the padding, and behind it up to the payload; `size`: all bytes of the
// slice but the padding.
std::string PaddingFor(size_t begin, size_t head, size_t rest, size_t size) {
  std::string padding;
  // 6: a longer slice may need a longer frame
  for (const size_t length : {0u, 2u, 3u, 4u, 5u, 6u}) {
    const size_t frame = 1 + CodedOutputStream::VarintSize64(size + length);
    if ((begin + frame + head + length + rest) % sizeof(float) != 0) continue;
    if (length == 0) break;
    FieldWriter(&padding).Length(9, length - 2);
    padding.append(length - 2, '\0');
    break;
  }
  return padding;
}

}  // namespace

absl::Cord WriteChunk(const ChunkHead& head, absl::Span<const EncodedSlice> slices) {
  absl::Cord chunk;
  std::string framing;
  {
    FieldWriter writer(&framing);
    writer.Varint(1, head.index);
    writer.Varint(2, head.count);
  }
  for (const EncodedSlice& slice : slices) {
    std::string before, length, after;
    {
      FieldWriter writer(&before);
      writer.Varint(1, slice.head.tensor);
      writer.Varint(2, slice.head.offset);
      writer.Varint(3, slice.head.count);
      writer.Varint(4, static_cast<uint64_t>(slice.head.codec));
      writer.Varint(5, slice.head.compressed ? 1 : 0);
    }
    if (!slice.payload.empty()) FieldWriter(&length).Length(6, slice.payload.size());
    {
      FieldWriter writer(&after);
      writer.Fixed(7, slice.head.checksum);
      writer.Varint(8, static_cast<uint64_t>(slice.head.sum_codec));
    }
    size_t size = before.size() + length.size() + slice.payload.size() + after.size();
    if (slice.head.codec == v1::CODEC_F32 && !slice.head.compressed && !slice.payload.empty()) {
      const std::string padding =
          PaddingFor(chunk.size() + framing.size(), before.size(), length.size(), size);
      before += padding;
      size += padding.size();
    }
    FieldWriter(&framing).Length(3, size);
    framing += before;
    framing += length;
    chunk.Append(framing);
    chunk.Append(slice.payload);
    framing = after;
  }
  {
    FieldWriter writer(&framing);
    writer.Fixed(4, head.version.version);
    writer.Fixed(5, head.version.base);
  }
  chunk.Append(framing);
  return chunk;
}

absl::StatusOr<ChunkHead> ReadChunkHead(absl::string_view serialized) {
  CodedInputStream input(reinterpret_cast<const uint8_t*>(serialized.data()),
                         static_cast<int>(serialized.size()));
  ChunkHead head;
  while (const uint32_t tag = input.ReadTag()) {
    bool good;
    switch (tag) {
      case Tag(1, kVarint):
        good = ReadNumber(&input, &head.index);
        break;
      case Tag(2, kVarint):
        good = ReadNumber(&input, &head.count);
        break;
      case Tag(4, kFixed64):
        good = input.ReadLittleEndian64(&head.version.version);
        break;
      case Tag(5, kFixed64):
        good = input.ReadLittleEndian64(&head.version.base);
        break;
      default:
        good = WireFormatLite::SkipField(&input, tag);
    }
    if (!good) return NotAChunk();
  }
  if (!input.ConsumedEntireMessage()) return NotAChunk();
  return head;
}

absl::Status ForEachSlice(
    absl::string_view serialized,
    absl::FunctionRef<absl::Status(const SliceHead& head, absl::string_view payload)> visit) {
  CodedInputStream input(reinterpret_cast<const uint8_t*>(serialized.data()),
                         static_cast<int>(serialized.size()));
  while (const uint32_t tag = input.ReadTag()) {
    if (tag != Tag(3, kBytes)) {
      if (!WireFormatLite::SkipField(&input, tag)) return NotAChunk();
      continue;
    }
    absl::string_view bytes, payload;
    SliceHead head;
    if (!TakeView(&input, &bytes) || !ReadSlice(bytes, &head, &payload)) return NotAChunk();
    RETURN_IF_ERROR(visit(head, payload));
  }
  return input.ConsumedEntireMessage() ? absl::OkStatus() : NotAChunk();
}

}  // namespace tributary
