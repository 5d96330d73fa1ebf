// Messages of the bulk streams between gRPC's byte buffers and our chunks, with as few copies as
// there can be: none where a chunk is sent, one where it is received.
//
// PushMessage is a header or a chunk; a chunk goes out as its framing and references to its
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

// All bytes of `buffer`, from byte `first` on, in the memory of `reuse`.
std::string CopyBytes(const grpc::ByteBuffer& buffer, size_t first = 0, std::string reuse = {});

// The PushMessage that holds a serialized chunk, and the chunk of such a message. InvalidArgument
// for one that holds none: a header, or rubbish.
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
