#include "common/codec/encoded_state.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

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
    EXPECT_TRUE(
        state.Add((i % 3 == 0 ? "norm." : "tensor.") + std::to_string(i), std::move(tensor)).ok());
  }
  EXPECT_TRUE(state.Add("empty", Tensor::Zeros({0})).ok());
  return state;
}

StateDict Decode(const StateDict& like, const EncodedState& encoded) {
  StateDecoder decoder(Manifest::Of(like));
  for (const absl::Cord& chunk : encoded.chunks()) {
    const absl::Status status = decoder.Add(std::string(chunk));
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
  for (const absl::Cord& chunk : encoded->chunks()) {
    EXPECT_LT(chunk.size(), 3 * kChunk);
  }
}

TEST(EncodedStateTest, ChunksArePlainlyFullWhateverTheTensors) {
  StateDict state;
  RandomStream stream(7, "encoded_state_test");
  for (int i = 0; i < 60; ++i) {
    const auto size =
        static_cast<int64_t>(i % 3 == 0 ? 1 + stream.Below(200'000) : 1 + stream.Below(50));
    ASSERT_TRUE(state.Add(absl::StrCat("t", i), Tensor::Zeros({size})).ok());
  }
  for (const int64_t chunk_bytes : {int64_t{16 << 10}, int64_t{100'000}, int64_t{3000 << 10}}) {
    const auto encoded = EncodedState::Encode(EncodedState::SourcesOf(state), nullptr,
                                              {.chunk_bytes = chunk_bytes, .plain_f32 = true});
    for (const absl::Cord& chunk : encoded->chunks()) {
      EXPECT_LT(chunk.size(), static_cast<size_t>(chunk_bytes) + (9 << 10));
      EXPECT_LT(chunk.size(), size_t{4 << 20}) << "gRPC's largest message";
    }
    EXPECT_LE(encoded->chunks().size(),
              encoded->bytes() / static_cast<uint64_t>(chunk_bytes) * 4 / 3 + 2);
  }
}

// A tensor of one value is mostly framing.
TEST(EncodedStateTest, VeryManyTinyTensorsDoNotOverfillAChunk) {
  StateDict state;
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(state.Add(absl::StrCat("norm", i), {{1}, {static_cast<float>(i)}}).ok());
  }
  const auto encoded = EncodedState::Encode(state, Codec::kF32, 3000 << 10, 1);
  for (const absl::Cord& chunk : encoded->chunks()) EXPECT_LT(chunk.size(), size_t{3000 << 10});
}

TEST(EncodedStateTest, NormsStayExactUnderLossyCodecs) {
  const StateDict state = Draw();
  const StateDict back = Decode(state, *EncodedState::Encode(state, Codec::kInt8Block, kChunk, 1));
  EXPECT_EQ(back.Find("norm.0")->values, state.Find("norm.0")->values);
  EXPECT_NE(back.Find("tensor.1")->values, state.Find("tensor.1")->values);
}

TEST(EncodedStateTest, EveryCodecDecodes) {
  const StateDict state = Draw();
  for (const Codec codec : kCodecs) {
    const StateDict back = Decode(state, *EncodedState::Encode(state, codec, kChunk, 2));
    EXPECT_EQ(back.Find("norm.0")->values, state.Find("norm.0")->values) << CodecName(codec);
  }
}

TEST(EncodedStateTest, ATensorsKindDecidesOnItsCodec) {
  const TensorSpec features{"public.features", {10, 10}}, matrix{"weight", {10, 10}};
  const TensorSpec norm{"blocks.0.norm1.weight", {10}}, bias{"bias", {10}};
  for (const Codec codec : {Codec::kF32, Codec::kF16, Codec::kBf16}) {
    EXPECT_EQ(CodecOfTensor(features, codec), codec);
    EXPECT_EQ(CodecOfTensor(matrix, codec), codec);
    EXPECT_EQ(CodecOfTensor(norm, codec), Codec::kF32);
    EXPECT_EQ(CodecOfTensor(bias, codec), Codec::kF32);
  }
  for (const Codec codec : {Codec::kInt8Block, Codec::kInt4Block, Codec::kTopK}) {
    EXPECT_EQ(CodecOfTensor(features, codec), Codec::kF16);
    EXPECT_EQ(CodecOfTensor(matrix, codec), codec);
    EXPECT_EQ(CodecOfTensor(norm, codec), Codec::kF32);
    EXPECT_EQ(CodecOfTensor(bias, codec), Codec::kInt8Block);
  }
}

TEST(EncodedStateTest, ControlVariatesTakeBf16InPlaceOfF16) {
  const TensorSpec matrix{"control.weight", {10, 10}}, norm{"control.norm.weight", {10}};
  EXPECT_EQ(CodecOfTensor(matrix, Codec::kF16), Codec::kBf16) << "gradients may be below 6e-8";
  EXPECT_EQ(CodecOfTensor(norm, Codec::kF16), Codec::kF32);
  for (const Codec codec : {Codec::kF32, Codec::kBf16, Codec::kInt8Block, Codec::kInt4Block}) {
    EXPECT_EQ(CodecOfTensor(matrix, codec), codec);
  }
}

TEST(EncodedStateTest, PlainF32RefersToTheValuesAndKeepsTheirOwner) {
  auto state = std::make_shared<const StateDict>(Draw());
  const std::weak_ptr<const StateDict> watched = state;
  const auto* values = reinterpret_cast<const char*>(state->Find("tensor.1")->values.data());
  auto encoded = EncodedState::Encode(EncodedState::SourcesOf(*state), state,
                                      {.chunk_bytes = kChunk, .plain_f32 = true});
  bool shared = false;
  for (const absl::Cord& chunk : encoded->chunks()) {
    for (const absl::string_view piece : chunk.Chunks()) shared |= piece.data() == values;
  }
  EXPECT_TRUE(shared);
  ExpectSame(Decode(*state, *encoded), *state);
  state.reset();
  EXPECT_FALSE(watched.expired());
  encoded.reset();
  EXPECT_TRUE(watched.expired());
}

TEST(EncodedStateTest, EqualValuesHaveEqualVersions) {
  StateDict state = Draw();
  const auto version = [&](Codec codec, int threads) {
    return EncodedState::Encode(state, codec, kChunk, threads)->version();
  };
  const ValuesVersion first = version(Codec::kF16, 1);
  EXPECT_NE(first.version, 0u);
  EXPECT_EQ(first.base, 0u);
  EXPECT_EQ(version(Codec::kF16, 3), first);
  EXPECT_NE(version(Codec::kBf16, 1), first);
  state[7].tensor.values[3] += 1;
  EXPECT_NE(version(Codec::kF16, 1), first);
}

TEST(EncodedStateTest, AllChunksCarryTheVersionAndTheSlicesTheCodecOfTheirSum) {
  const auto encoded = EncodedState::Encode(EncodedState::SourcesOf(Draw()), nullptr,
                                            {.codec = Codec::kInt8Block,
                                             .chunk_bytes = kChunk,
                                             .version = {.version = 9, .base = 5},
                                             .sum_codec = Codec::kF16});
  EXPECT_EQ(encoded->version(), (ValuesVersion{9, 5}));
  for (const absl::Cord& cord : encoded->chunks()) {
    v1::Chunk chunk;
    ASSERT_TRUE(chunk.ParseFromString(std::string(cord)));
    EXPECT_EQ(chunk.version(), 9u);
    EXPECT_EQ(chunk.base_version(), 5u);
    for (const v1::TensorSlice& slice : chunk.slices()) {
      const bool vector = slice.codec() == v1::CODEC_F32;
      EXPECT_EQ(slice.sum_codec(), vector ? v1::CODEC_UNSPECIFIED : v1::CODEC_F16);
    }
  }
}

TEST(EncodedStateTest, TellsWhatAReceiverWillDecode) {
  const StateDict state = Draw();
  for (const Codec codec : kCodecs) {
    StateDict told = state;
    for (size_t i = 0; i < told.size(); ++i) {
      std::fill(told[i].tensor.values.begin(), told[i].tensor.values.end(), 99.0F);
    }
    std::mutex mutex;
    const auto encoded = EncodedState::Encode(
        EncodedState::SourcesOf(state), nullptr,
        {.codec = codec,
         .chunk_bytes = kChunk,
         .threads = 3,
         .on_decoded = [&](size_t tensor, size_t offset, absl::Span<const float> values) {
           const std::scoped_lock lock(mutex);
           std::copy(values.begin(), values.end(),
                     told[tensor].tensor.values.begin() + static_cast<ptrdiff_t>(offset));
         }});
    ExpectSame(told, Decode(state, *encoded));
  }
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
  EXPECT_EQ((*loaded)->version(), encoded->version());
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
