// Converts between gRPC's byte buffers and chunks. Sending copies no payload; receiving copies each
// once, into one contiguous string.
//
// A PushMessage is a header or a chunk. A chunk is sent as its framing bytes and references to its
// payloads.
#pragma once

#include <string>

#include <grpcpp/support/byte_buffer.h>

#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace tributary {

// The bytes of `cord` by reference; what it refers to stays alive until gRPC has sent them.
grpc::ByteBuffer ShareCord(const absl::Cord& cord);

// The bytes of `buffer` from byte `first` on. Uses the memory of `reuse` if it is large enough.
std::string CopyBytes(const grpc::ByteBuffer& buffer, size_t first = 0, std::string reuse = {});

// The PushMessage that holds a serialized chunk, and the chunk of such a message. InvalidArgument
// for a message that is not exactly one chunk.
absl::Cord PushOfChunk(const absl::Cord& chunk);
absl::StatusOr<std::string> ChunkOfPush(const grpc::ByteBuffer& message, std::string reuse = {});

// A message of Protocol Buffers to and from a buffer.
template <typename Message>
grpc::ByteBuffer BufferOf(const Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}
template <typename Message>
bool ParseBuffer(const grpc::ByteBuffer& buffer, Message* message) {
  return message->ParseFromString(CopyBytes(buffer));
}

}  // namespace tributary
