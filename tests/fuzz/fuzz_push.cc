// A message of a push as it comes from the network: first the size of its fragments less 1, in one
// byte, then its bytes.
#include <string>
#include <vector>

#include <grpcpp/support/byte_buffer.h>

#include "common/codec/chunk_frame.h"
#include "common/rpc/bulk_message.h"
#include "tests/fuzz/fuzz_target.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {
namespace {

grpc::ByteBuffer Fragments(absl::string_view bytes, size_t size) {
  std::vector<grpc::Slice> slices;
  for (size_t begin = 0; begin < bytes.size(); begin += size) {
    const absl::string_view fragment = bytes.substr(begin, size);
    slices.emplace_back(fragment.data(), fragment.size());
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

// What Protocol Buffers takes for a chunk is read as it reads it; of other bytes, nothing is read
// that does not lie within them.
void ReadChunk(const std::string& chunk) {
  v1::Chunk parsed;
  const bool is_chunk = parsed.ParseFromString(chunk);
  const absl::StatusOr<ChunkHead> head = ReadChunkHead(chunk);
  int slices = 0;
  const absl::Status status =
      ForEachSlice(chunk, [&](const SliceHead& slice, absl::string_view payload) -> absl::Status {
        FUZZ_CHECK(payload.size() <= chunk.size());
        FUZZ_CHECK(payload.empty() ||
                   (payload.data() >= chunk.data() &&
                    payload.data() + payload.size() <= chunk.data() + chunk.size()));
        ++slices;
        if (!is_chunk) return absl::OkStatus();
        FUZZ_CHECK(slices <= parsed.slices_size());
        const v1::TensorSlice& expected = parsed.slices(slices - 1);
        FUZZ_CHECK(slice.tensor == expected.tensor());
        FUZZ_CHECK(slice.offset == expected.offset());
        FUZZ_CHECK(slice.count == expected.count());
        FUZZ_CHECK(slice.codec == expected.codec());
        FUZZ_CHECK(slice.compressed == expected.compressed());
        FUZZ_CHECK(slice.checksum == expected.checksum());
        FUZZ_CHECK(slice.sum_codec == expected.sum_codec());
        FUZZ_CHECK(payload == expected.payload());
        return absl::OkStatus();
      });
  if (!is_chunk) return;
  FUZZ_CHECK(head.ok() && status.ok());
  FUZZ_CHECK(head->index == parsed.index());
  FUZZ_CHECK(head->count == parsed.count());
  FUZZ_CHECK(head->version.version == parsed.version());
  FUZZ_CHECK(head->version.base == parsed.base_version());
  FUZZ_CHECK(slices == parsed.slices_size());
}

}  // namespace
}  // namespace tributary

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary;
  if (size == 0) return 0;
  const absl::string_view message(reinterpret_cast<const char*>(data) + 1, size - 1);
  const absl::StatusOr<std::string> chunk = ChunkOfPush(Fragments(message, size_t{1} + data[0]));
  if (!chunk.ok()) return 0;
  FUZZ_CHECK(chunk->size() < message.size());
  FUZZ_CHECK(message.substr(message.size() - chunk->size()) == *chunk);
  // Nothing but a chunk was in it.
  v1::PushMessage push;
  if (push.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
    FUZZ_CHECK(push.has_chunk());
  }
  ReadChunk(*chunk);
  // There and back.
  const absl::StatusOr<std::string> back = ChunkOfPush(ShareCord(PushOfChunk(absl::Cord(*chunk))));
  FUZZ_CHECK(back.ok() && *back == *chunk);
  return 0;
}
