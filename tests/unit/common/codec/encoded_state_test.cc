#include "common/codec/encoded_state.h"

#include <string>

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/base/random.h"
#include "common/codec/state_decoder.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

constexpr int64_t kChunk = 16 << 10;

StateDict Draw() {
  RandomStream stream(1, "encoded_state_test");
  StateDict state;
  for (int i = 0; i < 40; ++i) {
    Tensor tensor = Tensor::Zeros(i % 3 == 0 ? Shape{17} : Shape{i + 1, 101});
    for (float& value : tensor.values) value = static_cast<float>(stream.Normal());
    EXPECT_TRUE(state.Add("tensor." + std::to_string(i), std::move(tensor)).ok());
  }
  EXPECT_TRUE(state.Add("empty", Tensor::Zeros({0})).ok());
  return state;
}

StateDict Decode(const StateDict& like, const EncodedState& encoded) {
  StateDecoder decoder(Manifest::Of(like));
  for (const std::string& chunk : encoded.chunks()) {
    const absl::Status status = decoder.Add(chunk);
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_TRUE(decoder.complete());
  return std::move(decoder).Take();
}

void ExpectSame(const StateDict& a, const StateDict& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_EQ(a[i].tensor.values, b[i].tensor.values) << a[i].name;
}

TEST(EncodedStateTest, DecodesToWhatWasEncoded) {
  const StateDict state = Draw();
  const auto encoded = EncodedState::Encode(state, Codec::kF32, kChunk, 1);
  EXPECT_GT(encoded->chunks().size(), 5u);
  ExpectSame(Decode(state, *encoded), state);
}

TEST(EncodedStateTest, TheBytesDoNotDependOnTheNumberOfThreads) {
  const StateDict state = Draw();
  EXPECT_EQ(EncodedState::Encode(state, Codec::kF16, kChunk, 1)->chunks(),
            EncodedState::Encode(state, Codec::kF16, kChunk, 4)->chunks());
}

TEST(EncodedStateTest, NoChunkIsMuchLargerThanAsked) {
  const auto encoded = EncodedState::Encode(Draw(), Codec::kF32, kChunk, 1);
  for (const std::string& chunk : encoded->chunks()) {
    EXPECT_LT(chunk.size(), 3 * kChunk);
  }
}

TEST(EncodedStateTest, VectorsStayExactUnderLossyCodecs) {
  const StateDict state = Draw();
  const StateDict back = Decode(state, *EncodedState::Encode(state, Codec::kInt8Block, kChunk, 1));
  EXPECT_EQ(back.Find("tensor.0")->values, state.Find("tensor.0")->values);
  EXPECT_NE(back.Find("tensor.1")->values, state.Find("tensor.1")->values);
}

TEST(EncodedStateTest, AnEmptyStateIsOneEmptyChunk) {
  const auto encoded = EncodedState::Encode(StateDict(), Codec::kF32, kChunk, 1);
  EXPECT_EQ(encoded->chunks().size(), 1u);
  EXPECT_TRUE(Decode(StateDict(), *encoded).empty());
}

TEST(EncodedStateTest, SurvivesTheDisk) {
  const ScratchFolder scratch;
  const std::string path = scratch / "file";
  const auto encoded = EncodedState::Encode(Draw(), Codec::kF16, kChunk, 1);
  ASSERT_TRUE(encoded->Save(path).ok());
  const auto loaded = EncodedState::Load(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ((*loaded)->chunks(), encoded->chunks());
  EXPECT_EQ((*loaded)->bytes(), encoded->bytes());
}

TEST(EncodedStateTest, DamageOnDiskIsFound) {
  const ScratchFolder scratch;
  const std::string path = scratch / "file";
  ASSERT_TRUE(EncodedState::Encode(Draw(), Codec::kF16, kChunk, 1)->Save(path).ok());
  const std::string whole = *ReadFile(path);
  for (size_t at = 0; at < whole.size(); at += 997) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    ASSERT_TRUE(WriteFileAtomically(path, flipped).ok());
    EXPECT_EQ(EncodedState::Load(path).status().code(), absl::StatusCode::kDataLoss) << at;
    ASSERT_TRUE(WriteFileAtomically(path, whole.substr(0, at)).ok());
    EXPECT_EQ(EncodedState::Load(path).status().code(), absl::StatusCode::kDataLoss) << at;
  }
}

}  // namespace
}  // namespace tributary
