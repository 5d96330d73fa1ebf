#include "common/rpc/bulk_message.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {
namespace {

grpc::ByteBuffer Buffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

// `bytes` in fragments of `size`.
grpc::ByteBuffer Fragments(const std::string& bytes, size_t size) {
  std::vector<grpc::Slice> slices;
  for (size_t begin = 0; begin < bytes.size(); begin += size) {
    slices.emplace_back(bytes.substr(begin, size));
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

std::string Noise(size_t size) {
  RandomStream stream(1, "bulk_message_test");
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(stream.Next());
  return bytes;
}

v1::Chunk ChunkOf(size_t payload) {
  v1::Chunk chunk;
  chunk.set_index(3);
  chunk.set_count(7);
  v1::TensorSlice* slice = chunk.add_slices();
  slice->set_count(1);
  slice->set_payload(Noise(payload));
  return chunk;
}

TEST(BulkMessageTest, APushOfAChunkIsWhatProtobufWrites) {
  // Sizes around those at which the length takes one more byte.
  for (const size_t payload :
       std::initializer_list<size_t>{0, 1, 100, 120, 16'000, 16'400, 1 << 21}) {
    const v1::Chunk chunk = ChunkOf(payload);
    const std::string message(PushOfChunk(absl::Cord(chunk.SerializeAsString())));
    v1::PushMessage push;
    ASSERT_TRUE(push.ParseFromString(message));
    ASSERT_TRUE(push.has_chunk());
    EXPECT_EQ(push.chunk().SerializeAsString(), chunk.SerializeAsString());
    EXPECT_EQ(push.SerializeAsString(), message);
  }
}

TEST(BulkMessageTest, TheChunkOfAPushComesBack) {
  for (const size_t payload :
       std::initializer_list<size_t>{0, 1, 100, 120, 16'000, 16'400, 1 << 21}) {
    const std::string chunk = ChunkOf(payload).SerializeAsString();
    const absl::StatusOr<std::string> back = ChunkOfPush(ShareCord(PushOfChunk(absl::Cord(chunk))));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, chunk);
  }
  const absl::StatusOr<std::string> empty = ChunkOfPush(ShareCord(PushOfChunk(absl::Cord())));
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_EQ(*empty, "");
}

TEST(BulkMessageTest, AMessageOfProtobufIsReadInFragmentsOfAnySize) {
  v1::PushMessage push;
  *push.mutable_chunk() = ChunkOf(20'000);
  const std::string bytes = push.SerializeAsString();
  for (const size_t size : std::initializer_list<size_t>{1, 2, 3, 5, 6, 7, 1000}) {
    const absl::StatusOr<std::string> chunk = ChunkOfPush(Fragments(bytes, size));
    ASSERT_TRUE(chunk.ok()) << chunk.status();
    EXPECT_EQ(*chunk, push.chunk().SerializeAsString()) << size;
  }
}

TEST(BulkMessageTest, AHeaderIsNoChunk) {
  v1::PushMessage push;
  push.mutable_header()->set_session("s");
  push.mutable_header()->set_chunks(3);
  EXPECT_EQ(ChunkOfPush(BufferOf(push)).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(BulkMessageTest, RubbishIsNoChunk) {
  v1::PushMessage push;
  *push.mutable_chunk() = ChunkOf(100);
  const std::string good = push.SerializeAsString();
  v1::PushMessage header;
  header.mutable_header()->set_session("s");
  const std::vector<std::string> bad = {
      "",
      "\x12",
      "\x12\x80",
      "\x12\x05"
      "abc",
      "\x12\x02"
      "abc",
      "\x12\xff\xff\xff\xff\x0f"
      "abc",
      std::string("\x12\x80\x80\x80\x80\x80\x00", 7),
      "garbage",
      std::string(10'000, '\xff'),
      good + "x",
      good.substr(0, good.size() - 1),
      good + header.SerializeAsString(),
      header.SerializeAsString() + good,
  };
  for (const std::string& bytes : bad) {
    EXPECT_EQ(ChunkOfPush(Buffer(bytes)).status().code(), absl::StatusCode::kInvalidArgument)
        << bytes.size();
  }
  EXPECT_EQ(ChunkOfPush(grpc::ByteBuffer()).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(BulkMessageTest, ACordComesBackFromWhereverItIsRead) {
  const std::string bytes = Noise(100'000);
  absl::Cord cord;
  // Pieces that are copied and pieces that are shared, in turn.
  for (size_t begin = 0, size = 1; begin < bytes.size(); begin += size, size = size * 7 % 5003) {
    cord.Append(absl::MakeCordFromExternal(absl::string_view(bytes).substr(begin, size), [] {}));
  }
  ASSERT_EQ(std::string(cord), bytes);
  const grpc::ByteBuffer buffer = ShareCord(cord);
  EXPECT_EQ(buffer.Length(), bytes.size());
  for (const size_t first :
       std::initializer_list<size_t>{0, 1, 2, 255, 256, 50'000, 99'999, 100'000}) {
    EXPECT_EQ(CopyBytes(buffer, first), bytes.substr(first)) << first;
  }
  EXPECT_EQ(CopyBytes(buffer, 100'001), "");
  EXPECT_EQ(CopyBytes(ShareCord(absl::Cord())), "");
}

TEST(BulkMessageTest, ABufferThatIsUsedAgainGrowsByNoMoreThanItMust) {
  constexpr size_t kBytes = 1 << 20;
  const auto message = [](size_t bytes) { return ShareCord(absl::Cord(std::string(bytes, 'x'))); };
  std::string buffer = CopyBytes(message(kBytes));
  buffer = CopyBytes(message(kBytes + 10'000), 0, std::move(buffer));
  EXPECT_EQ(buffer.size(), kBytes + 10'000);
  EXPECT_LT(buffer.capacity(), kBytes + 30'000);
  const char* const place = buffer.data();
  buffer = CopyBytes(message(kBytes), 0, std::move(buffer));
  EXPECT_EQ(buffer.data(), place) << "what is large enough is kept";
}

TEST(BulkMessageTest, LargePiecesAreSharedUntilTheBufferIsGone) {
  static const std::string kBytes = Noise(10'000);
  bool released = false;
  {
    grpc::ByteBuffer buffer;
    {
      const absl::Cord cord = absl::MakeCordFromExternal(kBytes, [&] { released = true; });
      buffer = ShareCord(PushOfChunk(cord));
    }
    EXPECT_FALSE(released);
    std::vector<grpc::Slice> slices;
    ASSERT_TRUE(buffer.Dump(&slices).ok());
    EXPECT_EQ(reinterpret_cast<const char*>(slices.back().begin()), kBytes.data());
    EXPECT_EQ(*ChunkOfPush(buffer), kBytes);
  }
  EXPECT_TRUE(released);
}

TEST(BulkMessageTest, MessagesGoThroughBuffers) {
  v1::PushHeader header, back;
  header.set_session("session");
  header.set_chunks(12);
  EXPECT_TRUE(ParseBuffer(BufferOf(header), &back));
  EXPECT_EQ(back.SerializeAsString(), header.SerializeAsString());
  EXPECT_FALSE(ParseBuffer(Buffer("\xff\xff"), &back));
}

}  // namespace
}  // namespace tributary
