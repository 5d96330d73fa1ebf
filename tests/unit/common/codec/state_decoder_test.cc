#include "common/codec/state_decoder.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/codec/encoded_state.h"

namespace tributary {
namespace {

StateDict Sample() {
  RandomStream stream(1, "state_decoder_test");
  StateDict state;
  for (int i = 0; i < 3; ++i) {
    Tensor tensor = Tensor::Zeros({40, 100});
    for (float& value : tensor.values) value = static_cast<float>(stream.Normal());
    EXPECT_TRUE(state.Add(absl::StrCat("t", i), std::move(tensor)).ok());
  }
  return state;
}

std::vector<v1::Chunk> Chunks() {
  std::vector<v1::Chunk> chunks;
  const auto encoded = EncodedState::Encode(Sample(), Codec::kF32, 4096, 1);
  for (const std::string& bytes : encoded->chunks()) {
    chunks.emplace_back();
    EXPECT_TRUE(chunks.back().ParseFromString(bytes));
  }
  return chunks;
}

// What the decoder says of the chunks after `change` was made to them; the first chunks must be
// accepted.
absl::Status DecodeChanged(const std::function<void(std::vector<v1::Chunk>*)>& change) {
  std::vector<v1::Chunk> chunks = Chunks();
  EXPECT_GE(chunks.size(), 4u);
  change(&chunks);
  StateDecoder decoder(Manifest::Of(Sample()));
  for (const v1::Chunk& chunk : chunks) {
    const uint32_t before = decoder.next_chunk();
    if (absl::Status status = decoder.Add(chunk.SerializeAsString()); !status.ok()) {
      EXPECT_EQ(decoder.next_chunk(), before) << "a refused chunk must leave no trace";
      EXPECT_TRUE(decoder.Add(Chunks()[before].SerializeAsString()).ok());
      return status;
    }
  }
  return decoder.complete() ? absl::OkStatus() : absl::UnknownError("incomplete");
}

TEST(StateDecoderTest, TakesAnUnchangedTransfer) {
  EXPECT_TRUE(DecodeChanged([](auto*) {}).ok());
}

TEST(StateDecoderTest, IsIncompleteBeforeTheLastChunk) {
  EXPECT_EQ(DecodeChanged([](auto* chunks) { chunks->pop_back(); }).message(), "incomplete");
}

TEST(StateDecoderTest, RefusesBytesThatAreNoChunk) {
  StateDecoder decoder(Manifest::Of(Sample()));
  EXPECT_EQ(decoder.Add("\x07\xff\xff garbage").code(), absl::StatusCode::kInvalidArgument);
}

TEST(StateDecoderTest, RefusesChunksOutOfOrderOrRepeated) {
  EXPECT_FALSE(DecodeChanged([](auto* chunks) { std::swap((*chunks)[1], (*chunks)[2]); }).ok());
  EXPECT_FALSE(DecodeChanged([](auto* chunks) { (*chunks)[2] = (*chunks)[1]; }).ok());
}

TEST(StateDecoderTest, RefusesACountThatChanges) {
  EXPECT_FALSE(DecodeChanged([](auto* chunks) { (*chunks)[1].set_count(99); }).ok());
}

TEST(StateDecoderTest, RefusesALastChunkBeforeTheLastTensor) {
  std::vector<v1::Chunk> chunks = Chunks();
  StateDecoder decoder(Manifest::Of(Sample()));
  chunks[0].set_count(2);
  chunks[1].set_count(2);
  ASSERT_TRUE(decoder.Add(chunks[0].SerializeAsString()).ok());
  const absl::Status status = decoder.Add(chunks[1].SerializeAsString());
  EXPECT_NE(status.message().find("not complete"), std::string::npos) << status;
}

TEST(StateDecoderTest, RefusesSlicesThatOverlapSkipOrLieOutside) {
  const auto change_slice = [](const std::function<void(v1::TensorSlice*)>& change) {
    return DecodeChanged([&](auto* chunks) { change((*chunks)[1].mutable_slices(0)); });
  };
  EXPECT_FALSE(change_slice([](auto* slice) { slice->set_offset(0); }).ok());
  EXPECT_FALSE(change_slice([](auto* slice) { slice->set_offset(slice->offset() + 1); }).ok());
  EXPECT_FALSE(change_slice([](auto* slice) { slice->set_tensor(2); }).ok());
  EXPECT_FALSE(change_slice([](auto* slice) { slice->set_tensor(77); }).ok());
  EXPECT_FALSE(change_slice([](auto* slice) { slice->set_count(0); }).ok());
  EXPECT_FALSE(change_slice([](auto* slice) { slice->set_count(1 << 30); }).ok());
}

TEST(StateDecoderTest, RefusesMoreSlicesThanTheManifestHas) {
  EXPECT_FALSE(DecodeChanged([](auto* chunks) {
                 *chunks->back().add_slices() = (*chunks)[0].slices(0);
               }).ok());
}

TEST(StateDecoderTest, ErrorsNameChunkAndTensor) {
  const absl::Status status =
      DecodeChanged([](auto* chunks) { (*chunks)[1].mutable_slices(0)->set_checksum(1); });
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("chunk 1, tensor t0"), std::string::npos) << status;
}

}  // namespace
}  // namespace tributary
