#include "common/codec/chunk_frame.h"

#include <string>
#include <utility>
#include <vector>

#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include "common/base/random.h"

namespace tributary {
namespace {

struct Found {
  SliceHead head;
  std::string payload;
};

v1::TensorSlice Slice(uint32_t tensor, const std::string& payload) {
  v1::TensorSlice slice;
  slice.set_tensor(tensor);
  slice.set_offset(uint64_t{1} << 40);
  slice.set_count(300);
  slice.set_codec(v1::CODEC_INT4_BLOCK);
  slice.set_compressed(true);
  slice.set_payload(payload);
  slice.set_checksum(0x8877665544332211);
  slice.set_sum_codec(v1::CODEC_BF16);
  return slice;
}

v1::Chunk Sample() {
  v1::Chunk chunk;
  chunk.set_index(3);
  chunk.set_count(400);
  *chunk.add_slices() = Slice(7, std::string(1000, 'p'));
  *chunk.add_slices() = Slice(0, "");
  *chunk.add_slices() = {};
  chunk.set_version(0xffffffffffffffff);
  chunk.set_base_version(5);
  return chunk;
}

EncodedSlice AsEncoded(const v1::TensorSlice& slice) {
  return {.head = {.tensor = slice.tensor(),
                   .offset = slice.offset(),
                   .count = slice.count(),
                   .codec = slice.codec(),
                   .compressed = slice.compressed(),
                   .checksum = slice.checksum(),
                   .sum_codec = slice.sum_codec()},
          .payload = absl::Cord(slice.payload())};
}

std::string Written(const v1::Chunk& chunk) {
  std::vector<EncodedSlice> slices;
  for (const v1::TensorSlice& slice : chunk.slices()) slices.push_back(AsEncoded(slice));
  return std::string(WriteChunk({.index = chunk.index(),
                                 .count = chunk.count(),
                                 .version = {chunk.version(), chunk.base_version()}},
                                slices));
}

absl::StatusOr<std::vector<Found>> SlicesOf(absl::string_view bytes) {
  std::vector<Found> found;
  const absl::Status status =
      ForEachSlice(bytes, [&](const SliceHead& head, absl::string_view payload) -> absl::Status {
        found.push_back({head, std::string(payload)});
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return found;
}

// That what is read of `bytes` is what Protocol Buffers reads of them.
void ExpectReadsAsProtobufDoes(const std::string& bytes) {
  v1::Chunk chunk;
  ASSERT_TRUE(chunk.ParseFromString(bytes));
  const absl::StatusOr<ChunkHead> head = ReadChunkHead(bytes);
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->index, chunk.index());
  EXPECT_EQ(head->count, chunk.count());
  EXPECT_EQ(head->version.version, chunk.version());
  EXPECT_EQ(head->version.base, chunk.base_version());
  const auto found = SlicesOf(bytes);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(static_cast<int>(found->size()), chunk.slices_size());
  for (int i = 0; i < chunk.slices_size(); ++i) {
    const v1::TensorSlice& slice = chunk.slices(i);
    const Found& own = (*found)[static_cast<size_t>(i)];
    EXPECT_EQ(own.head.tensor, slice.tensor());
    EXPECT_EQ(own.head.offset, slice.offset());
    EXPECT_EQ(own.head.count, slice.count());
    EXPECT_EQ(own.head.codec, slice.codec());
    EXPECT_EQ(own.head.compressed, slice.compressed());
    EXPECT_EQ(own.head.checksum, slice.checksum());
    EXPECT_EQ(own.head.sum_codec, slice.sum_codec());
    EXPECT_EQ(own.payload, slice.payload());
  }
}

TEST(ChunkFrameTest, WritesTheBytesThatProtobufWrites) {
  EXPECT_EQ(Written(Sample()), Sample().SerializeAsString());
  EXPECT_EQ(Written(v1::Chunk()), "");
  v1::Chunk large;
  *large.add_slices() = Slice(1, std::string(1 << 20, '\x80'));
  EXPECT_EQ(Written(large), large.SerializeAsString());
}

TEST(ChunkFrameTest, WhatIsWrittenParsesAsAChunk) {
  const std::string bytes = Written(Sample());
  v1::Chunk chunk;
  ASSERT_TRUE(chunk.ParseFromString(bytes));
  EXPECT_EQ(chunk.index(), 3u);
  EXPECT_EQ(chunk.count(), 400u);
  EXPECT_EQ(chunk.version(), 0xffffffffffffffff);
  EXPECT_EQ(chunk.base_version(), 5u);
  ASSERT_EQ(chunk.slices_size(), 3);
  EXPECT_EQ(chunk.slices(0).SerializeAsString(), Sample().slices(0).SerializeAsString());
  EXPECT_EQ(chunk.slices(2).SerializeAsString(), "");
}

TEST(ChunkFrameTest, PayloadsAreSharedAndNotCopied) {
  EncodedSlice slice;
  static const std::string kPayload(10'000, 'x');
  slice.payload = absl::MakeCordFromExternal(kPayload, [] {});
  bool shared = false;
  const absl::Cord chunk = WriteChunk({.index = 0, .count = 1, .version = {}}, {slice});
  for (const absl::string_view piece : chunk.Chunks()) shared |= piece.data() == kPayload.data();
  EXPECT_TRUE(shared);
}

TEST(ChunkFrameTest, PlainFloatsBeginAtAMultipleOfTheirSize) {
  std::vector<EncodedSlice> slices;
  for (uint32_t i = 0; i < 5000; ++i) {
    slices.push_back({.head = {.tensor = i, .offset = i * i, .count = i, .codec = v1::CODEC_F32},
                      .payload = absl::Cord(std::string(4 * (i % 4200), 'f'))});
    if (i % 5 == 0) slices.back().head.codec = v1::CODEC_F16;
    if (i % 7 == 0) slices.back().head.compressed = true;
  }
  const std::string bytes(WriteChunk({.index = 1, .count = 2, .version = {}}, slices));
  ExpectReadsAsProtobufDoes(bytes);
  const absl::Status status =
      ForEachSlice(bytes, [&](const SliceHead& head, absl::string_view payload) -> absl::Status {
        if (head.codec != v1::CODEC_F32 || head.compressed || payload.empty()) {
          return absl::OkStatus();
        }
        EXPECT_EQ((payload.data() - bytes.data()) % 4, 0) << "slice " << head.tensor;
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
}

TEST(ChunkFrameTest, PayloadsReadLieWithinTheBytesRead) {
  const std::string bytes = Sample().SerializeAsString();
  const absl::Status status =
      ForEachSlice(bytes, [&](const SliceHead&, absl::string_view payload) -> absl::Status {
        if (payload.empty()) return absl::OkStatus();
        EXPECT_GE(payload.data(), bytes.data());
        EXPECT_LE(payload.data() + payload.size(), bytes.data() + bytes.size());
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
}

TEST(ChunkFrameTest, ReadsWhatProtobufWrites) {
  ExpectReadsAsProtobufDoes(Sample().SerializeAsString());
  ExpectReadsAsProtobufDoes("");
}

TEST(ChunkFrameTest, SkipsUnknownFields) {
  v1::Chunk chunk = Sample();
  const auto add = [](google::protobuf::UnknownFieldSet* fields) {
    fields->AddVarint(100, 7);
    fields->AddFixed32(101, 7);
    fields->AddFixed64(102, 7);
    fields->AddLengthDelimited(103, "seven");
    fields->AddGroup(104)->AddVarint(1, 99);
    // A known number of another type is unknown as well.
    fields->AddLengthDelimited(1, "not an index");
    fields->AddVarint(6, 6);
  };
  add(chunk.GetReflection()->MutableUnknownFields(&chunk));
  for (v1::TensorSlice& slice : *chunk.mutable_slices()) {
    add(slice.GetReflection()->MutableUnknownFields(&slice));
  }
  ExpectReadsAsProtobufDoes(chunk.SerializeAsString());
}

TEST(ChunkFrameTest, ReadsFieldsInAnotherOrder) {
  const v1::Chunk whole = Sample();
  v1::Chunk version, index, slices;
  version.set_version(whole.version());
  index.set_index(whole.index());
  *slices.mutable_slices() = whole.slices();
  const std::string bytes =
      version.SerializeAsString() + slices.SerializeAsString() + index.SerializeAsString();
  ExpectReadsAsProtobufDoes(bytes);
  EXPECT_EQ(ReadChunkHead(bytes)->index, 3u);
  // Within a slice, payload and checksum first.
  v1::TensorSlice payload, rest = Slice(7, "");
  payload.set_payload("abc");
  payload.set_checksum(1);
  rest.clear_checksum();
  const std::string slice = payload.SerializeAsString() + rest.SerializeAsString();
  ExpectReadsAsProtobufDoes(std::string("\x1a") + static_cast<char>(slice.size()) + slice);
}

TEST(ChunkFrameTest, OfFieldsGivenTwiceTheLastCounts) {
  v1::Chunk other;
  other.set_index(77);
  other.set_count(0x80000001);
  other.set_version(9);
  other.set_base_version(10);
  const std::string bytes = Sample().SerializeAsString() + other.SerializeAsString();
  ExpectReadsAsProtobufDoes(bytes);
  EXPECT_EQ(ReadChunkHead(bytes)->index, 77u);
  const std::string twice =
      Slice(7, "first").SerializeAsString() + Slice(8, "second one").SerializeAsString();
  const std::string chunk = std::string("\x1a") + static_cast<char>(twice.size()) + twice;
  ExpectReadsAsProtobufDoes(chunk);
  EXPECT_EQ(SlicesOf(chunk)->at(0).payload, "second one");
}

TEST(ChunkFrameTest, NumbersTooWideForTheirFieldAreCutAsByProtobuf) {
  // tensor = 2^32 + 5 and codec = 2^35 + 2, each as a varint of its full width.
  const std::string slice("\x08\x85\x80\x80\x80\x10\x20\x82\x80\x80\x80\x80\x01", 13);
  ExpectReadsAsProtobufDoes(std::string("\x1a") + static_cast<char>(slice.size()) + slice);
}

TEST(ChunkFrameTest, BytesCutShortAreRefusedOrGiveAPrefix) {
  const std::string bytes = Sample().SerializeAsString();
  const std::vector<Found> whole = *SlicesOf(bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    // Memory of its own, so that a sanitizer sees a read behind its end.
    const std::vector<char> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
    const absl::string_view view(cut.data(), cut.size());
    const auto found = SlicesOf(view);
    v1::Chunk chunk;
    EXPECT_EQ(found.ok(), chunk.ParseFromArray(cut.data(), static_cast<int>(size))) << size;
    EXPECT_EQ(ReadChunkHead(view).ok(), found.ok()) << size;
    if (!found.ok()) {
      EXPECT_EQ(found.status().code(), absl::StatusCode::kInvalidArgument) << size;
      continue;
    }
    ASSERT_LE(found->size(), whole.size());
    for (size_t i = 0; i < found->size(); ++i) {
      EXPECT_EQ((*found)[i].payload, whole[i].payload) << size;
    }
  }
}

TEST(ChunkFrameTest, DamagedBytesReadAsProtobufReadsThemWhereItDoes) {
  const std::string bytes = Sample().SerializeAsString();
  RandomStream stream(1, "chunk_frame_test");
  int taken = 0, refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = bytes;
    for (int times = 0; times < 1 + round % 3; ++times) {
      // Framing is at the front, between and at the end; the first payload's inside says nothing.
      size_t at = stream.Below(120);
      if (at >= 60) at = damaged.size() - 1 - (at - 60);
      damaged[at] = static_cast<char>(stream.Next());
    }
    v1::Chunk chunk;
    if (chunk.ParseFromString(damaged)) {
      ++taken;
      ExpectReadsAsProtobufDoes(damaged);
      continue;
    }
    // Of the rest no more is asked than that nothing is read that does not lie within it.
    const absl::Status status =
        ForEachSlice(damaged, [&](const SliceHead&, absl::string_view payload) -> absl::Status {
          EXPECT_TRUE(payload.empty() ||
                      (payload.data() >= damaged.data() &&
                       payload.data() + payload.size() <= damaged.data() + damaged.size()));
          return absl::OkStatus();
        });
    refused += status.ok() && ReadChunkHead(damaged).ok() ? 0 : 1;
  }
  // Both happen often. Some tags and lengths of more than 32 bits are refused by Protocol Buffers'
  // classes alone, its streams cut them.
  EXPECT_GT(taken, 1000);
  EXPECT_GT(refused, 1000);
}

TEST(ChunkFrameTest, ALengthBeyondTheEndIsRefused) {
  for (const std::string& length : {std::string("\x05"), std::string("\xff\xff\xff\xff\x0f"),
                                    std::string("\xff\xff\xff\xff\x07"),
                                    std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")}) {
    EXPECT_FALSE(SlicesOf("\x1a" + length + "abc").ok());
    EXPECT_FALSE(ReadChunkHead("\x1a" + length + "abc").ok());
  }
}

TEST(ChunkFrameTest, AVisitorsErrorEndsTheReading) {
  int visits = 0;
  const absl::Status status = ForEachSlice(
      Sample().SerializeAsString(), [&](const SliceHead&, absl::string_view) -> absl::Status {
        ++visits;
        return absl::AbortedError("enough");
      });
  EXPECT_EQ(status, absl::AbortedError("enough"));
  EXPECT_EQ(visits, 1);
}

}  // namespace
}  // namespace tributary
