#include "common/rpc/bulk_message.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <google/protobuf/io/coded_stream.h>

namespace tributary {
namespace {

// Field 2 of PushMessage, length-delimited.
constexpr char kChunkTag = 2 << 3 | 2;
// Capacities are multiples of this, because messages differ by a few bytes: the next, slightly
// longer one then fits without a new allocation.
constexpr size_t kBufferStep = 8 << 10;
constexpr size_t kMostPrefix = 6;  // the tag and a 32-bit length

// The number of bytes of tag and length before a chunk that fills the rest of a message of `size`
// bytes; 0 if `front`, the message's first bytes, is not such a prefix. A message with anything
// else beside the chunk is refused: it would have to be parsed, which copies the chunk.
size_t PrefixOf(absl::string_view front, size_t size) {
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const uint8_t*>(front.data()),
                                               static_cast<int>(front.size()));
  uint32_t length = 0;
  if (front.empty() || front[0] != kChunkTag || !input.Skip(1) || !input.ReadVarint32(&length)) {
    return 0;
  }
  const auto prefix = static_cast<size_t>(input.CurrentPosition());
  return prefix + length == size ? prefix : 0;
}

}  // namespace

grpc::ByteBuffer ShareCord(const absl::Cord& cord) {
  std::vector<grpc::Slice> slices;
  for (const absl::string_view piece : cord.Chunks()) {
    // Pieces below 256 bytes are framing. Copying them costs less than a reference, which
    // allocates.
    if (piece.size() < 256) {
      slices.emplace_back(piece.data(), piece.size());
      continue;
    }
    // Each slice has its own reference: gRPC drops slices one by one, in any order, on its threads.
    auto* keeper = new absl::Cord(cord);
    slices.emplace_back(
        const_cast<char*>(piece.data()), piece.size(),
        [](void* held) { delete static_cast<absl::Cord*>(held); }, keeper);
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

std::string CopyBytes(const grpc::ByteBuffer& buffer, size_t first, std::string reuse) {
  std::vector<grpc::Slice> slices;
  std::string bytes = std::move(reuse);
  bytes.clear();
  if (!buffer.Dump(&slices).ok()) return bytes;
  const size_t length = buffer.Length() - std::min(first, buffer.Length());
  if (bytes.capacity() < length) {
    // A new string, not reserve() on the old one: libstdc++ at least doubles the capacity of a
    // string that grows, even if it is empty.
    std::string fresh;
    fresh.reserve((length + kBufferStep - 1) / kBufferStep * kBufferStep);
    bytes.swap(fresh);
  }
  for (const grpc::Slice& slice : slices) {
    const size_t skipped = std::min(first, slice.size());
    first -= skipped;
    // append() and not resize(), which would fill a megabyte with zeros first.
    bytes.append(reinterpret_cast<const char*>(slice.begin()) + skipped, slice.size() - skipped);
  }
  return bytes;
}

absl::Cord PushOfChunk(const absl::Cord& chunk) {
  std::array<uint8_t, kMostPrefix> prefix;
  prefix[0] = kChunkTag;
  const uint8_t* end = google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(
      static_cast<uint32_t>(chunk.size()), prefix.data() + 1);
  absl::Cord message(absl::string_view(reinterpret_cast<const char*>(prefix.data()),
                                       static_cast<size_t>(end - prefix.data())));
  message.Append(chunk);
  return message;
}

absl::StatusOr<std::string> ChunkOfPush(const grpc::ByteBuffer& message, std::string reuse) {
  std::vector<grpc::Slice> slices;
  std::string front;
  if (message.Dump(&slices).ok()) {
    for (const grpc::Slice& slice : slices) {
      front.append(reinterpret_cast<const char*>(slice.begin()),
                   std::min(slice.size(), kMostPrefix - front.size()));
      if (front.size() == kMostPrefix) break;
    }
  }
  const size_t prefix = PrefixOf(front, message.Length());
  if (prefix == 0) {
    return absl::InvalidArgumentError(
        "a push is a header followed by chunks; this message is neither");
  }
  return CopyBytes(message, prefix, std::move(reuse));
}

}  // namespace tributary
