#include "common/codec/state_decoder.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <zstd.h>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
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
  for (const absl::Cord& bytes : encoded->chunks()) {
    chunks.emplace_back();
    EXPECT_TRUE(chunks.back().ParseFromString(std::string(bytes)));
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

// A transfer whose value 617 of tensor t0 is `value`, which lies in its first chunk.
std::vector<v1::Chunk> ChunksWith(float value) {
  StateDict state = Sample();
  state[0].tensor.values[617] = value;
  std::vector<v1::Chunk> chunks;
  const auto encoded = EncodedState::Encode(state, Codec::kF32, 4096, 1);
  for (const absl::Cord& bytes : encoded->chunks()) {
    chunks.emplace_back();
    EXPECT_TRUE(chunks.back().ParseFromString(std::string(bytes)));
  }
  return chunks;
}

TEST(StateDecoderTest, RefusesNanAndInfinity) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    const absl::Status status = DecodeChanged(
        [&](auto* chunks) { *(*chunks)[0].mutable_slices() = ChunksWith(bad)[0].slices(); });
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    EXPECT_NE(status.message().find("617"), std::string::npos) << status;
    EXPECT_NE(status.message().find("finite"), std::string::npos) << status;
  }
  EXPECT_TRUE(DecodeChanged([](auto* chunks) {
                *(*chunks)[0].mutable_slices() =
                    ChunksWith(std::numeric_limits<float>::max())[0].slices();
              }).ok());
}

TEST(StateDecoderTest, RefusesValuesBeyondTheLimit) {
  const Manifest manifest = Manifest::Of(Sample());
  for (const float value : {8.0F, -8.0F, std::nextafter(8.0F, 9.0F), -9.0F}) {
    ChunkReader reader(&manifest, 8);
    const absl::Status status = reader.Read(ChunksWith(value)[0].SerializeAsString(),
                                            [](size_t, size_t, absl::Span<const float> values) {
                                              for (const float seen : values)
                                                EXPECT_LE(std::abs(seen), 8.0F);
                                            });
    if (std::abs(value) <= 8) {
      EXPECT_TRUE(status.ok()) << status;
      EXPECT_EQ(reader.next_chunk(), 1u);
    } else {
      EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
      EXPECT_NE(status.message().find("value 617"), std::string::npos) << status;
      EXPECT_EQ(reader.next_chunk(), 0u);
    }
  }
}

TEST(StateDecoderTest, RefusesAnUnknownCodec) {
  for (const int codec : {0, 7, 77, -1}) {
    EXPECT_EQ(DecodeChanged([&](auto* chunks) {
                (*chunks)[1].mutable_slices(0)->set_codec(static_cast<v1::Codec>(codec));
              }).code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(DecodeChanged([](auto* chunks) {
              (*chunks)[1].mutable_slices(0)->set_sum_codec(static_cast<v1::Codec>(77));
            }).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(StateDecoderTest, RefusesPayloadsOfAnotherSizeAndBombs) {
  const auto with_payload = [](const std::string& payload, bool compressed) {
    return DecodeChanged([&](auto* chunks) {
      v1::TensorSlice* slice = (*chunks)[1].mutable_slices(0);
      slice->set_compressed(compressed);
      slice->set_payload(payload);
      slice->set_checksum(Checksum(payload));
    });
  };
  const std::string zeros(16 << 20, '\0');
  std::string packed(ZSTD_compressBound(zeros.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), zeros.data(), zeros.size(), 1));
  EXPECT_EQ(with_payload(packed, true).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(with_payload("", false).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(with_payload("", true).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(with_payload("abc", false).code(), absl::StatusCode::kInvalidArgument);
}

TEST(StateDecoderTest, RefusesChunksAfterTheLast) {
  StateDecoder decoder(Manifest::Of(Sample()));
  const std::vector<v1::Chunk> chunks = Chunks();
  for (const v1::Chunk& chunk : chunks) ASSERT_TRUE(decoder.Add(chunk.SerializeAsString()).ok());
  EXPECT_TRUE(decoder.complete());
  EXPECT_FALSE(decoder.Add(chunks.back().SerializeAsString()).ok());
  v1::Chunk next;
  next.set_index(static_cast<uint32_t>(chunks.size()));
  next.set_count(static_cast<uint32_t>(chunks.size()));
  EXPECT_FALSE(decoder.Add(next.SerializeAsString()).ok());
  EXPECT_TRUE(decoder.complete());
}

TEST(StateDecoderTest, ARefusedFirstChunkFixesNothing) {
  StateDecoder decoder(Manifest::Of(Sample()));
  v1::Chunk lying = Chunks()[0];
  lying.set_count(99);
  lying.set_version(7);
  lying.mutable_slices(0)->set_checksum(1);
  EXPECT_EQ(decoder.Add(lying.SerializeAsString()).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(decoder.version(), 0u);
  for (const v1::Chunk& chunk : Chunks()) EXPECT_TRUE(decoder.Add(chunk.SerializeAsString()).ok());
  EXPECT_TRUE(decoder.complete());
}

TEST(StateDecoderTest, DecodeChunkGivesTheValuesOnceMore) {
  const Manifest manifest = Manifest::Of(Sample());
  for (const Codec codec : kCodecs) {
    ChunkReader reader(&manifest);
    const auto encoded = EncodedState::Encode(Sample(), codec, 4096, 1);
    for (const absl::Cord& cord : encoded->chunks()) {
      const std::string chunk(cord);
      std::vector<float> once, again;
      std::vector<std::pair<size_t, size_t>> places, places_again;
      ASSERT_TRUE(reader
                      .Read(chunk,
                            [&](size_t tensor, size_t offset, absl::Span<const float> values) {
                              places.emplace_back(tensor, offset);
                              once.insert(once.end(), values.begin(), values.end());
                            })
                      .ok());
      std::string scratch;
      DecodeChunk(chunk, &scratch,
                  [&](size_t tensor, size_t offset, absl::Span<const float> values) {
                    places_again.emplace_back(tensor, offset);
                    again.insert(again.end(), values.begin(), values.end());
                  });
      EXPECT_EQ(once, again);
      EXPECT_EQ(places, places_again);
    }
    EXPECT_TRUE(reader.complete());
  }
}

// Chunks of differences from version 5, whose sums are version 9.
struct Differences {
  std::shared_ptr<const EncodedState> encoded;
  StateDict decoded;  // what a receiver makes of them before the addition
};
Differences DifferencesIn(Codec codec, Codec sum_codec) {
  Differences differences{.encoded = nullptr, .decoded = Sample()};
  StateDict steps = Sample();
  for (size_t i = 0; i < steps.size(); ++i) {
    for (float& value : steps[i].tensor.values) value *= 0.01F;
  }
  differences.encoded = EncodedState::Encode(
      EncodedState::SourcesOf(steps), nullptr,
      {.codec = codec,
       .chunk_bytes = 4096,
       .version = {.version = 9, .base = 5},
       .sum_codec = sum_codec,
       .on_decoded = [&](size_t tensor, size_t offset, absl::Span<const float> values) {
         std::copy(
             values.begin(), values.end(),
             differences.decoded[tensor].tensor.values.begin() + static_cast<ptrdiff_t>(offset));
       }});
  return differences;
}

TEST(StateDecoderTest, DifferencesAreAddedAndTheSumIsRounded) {
  const StateDict base = Sample();
  for (const Codec sum_codec : {Codec::kF16, Codec::kBf16, Codec::kF32}) {
    for (const Codec codec : kCodecs) {
      const Differences differences = DifferencesIn(codec, sum_codec);
      StateDecoder decoder(Manifest::Of(base), &base, 5);
      for (const absl::Cord& chunk : differences.encoded->chunks()) {
        const absl::Status status = decoder.Add(std::string(chunk));
        ASSERT_TRUE(status.ok()) << status;
      }
      ASSERT_TRUE(decoder.complete());
      EXPECT_EQ(decoder.version(), 9u);
      const StateDict sums = std::move(decoder).Take();
      for (size_t i = 0; i < base.size(); ++i) {
        std::vector<float> expected = base[i].tensor.values;
        for (size_t j = 0; j < expected.size(); ++j) {
          expected[j] += differences.decoded[i].tensor.values[j];
        }
        RoundTo(sum_codec, absl::MakeSpan(expected));
        EXPECT_EQ(sums[i].tensor.values, expected) << CodecName(codec);
        EXPECT_NE(sums[i].tensor.values, base[i].tensor.values) << CodecName(codec);
      }
    }
  }
}

TEST(StateDecoderTest, SumsThatNoFloatHoldsAndCodecsThatSumsCannotBeRoundedToAreRefused) {
  StateDict base;
  ASSERT_TRUE(base.Add("t", {{2}, {3e38F, 1}}).ok());
  const auto chunk = [&](float difference, Codec sum_codec) {
    StateDict state;
    EXPECT_TRUE(state.Add("t", {{2, 1}, {difference, 1}}).ok());
    return std::string(
        EncodedState::Encode(EncodedState::SourcesOf(state), nullptr,
                             {.version = {.version = 9, .base = 5}, .sum_codec = sum_codec})
            ->chunks()[0]);
  };
  StateDecoder decoder(Manifest::Of(base), &base, 5);
  EXPECT_EQ(decoder.Add(chunk(3e38F, Codec::kF32)).code(), absl::StatusCode::kOutOfRange);
  for (const Codec codec : {Codec::kInt8Block, Codec::kInt4Block, Codec::kTopK}) {
    EXPECT_EQ(decoder.Add(chunk(1, codec)).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(decoder.next_chunk(), 0u);
  EXPECT_TRUE(decoder.Add(chunk(-3e38F, Codec::kF32)).ok());
  EXPECT_TRUE(decoder.complete());
}

TEST(StateDecoderTest, DifferencesFromWhatIsNotHeldAreRefused) {
  const StateDict base = Sample();
  const std::string chunk(DifferencesIn(Codec::kF16, Codec::kF16).encoded->chunks()[0]);
  StateDecoder nothing_held(Manifest::Of(base));
  StateDecoder another_held(Manifest::Of(base), &base, 6);
  StateDecoder version_without_values(Manifest::Of(base), nullptr, 5);
  for (StateDecoder* decoder : {&nothing_held, &another_held, &version_without_values}) {
    const absl::Status status = decoder->Add(chunk);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_EQ(decoder->next_chunk(), 0u);
    // The values themselves are welcome all the same.
    EXPECT_TRUE(decoder->Add(Chunks()[0].SerializeAsString()).ok());
  }
}

TEST(StateDecoderTest, WholeValuesAreNotAddedToWhatIsHeld) {
  const StateDict base = Sample();
  StateDecoder decoder(Manifest::Of(base), &base, 5);
  for (const v1::Chunk& chunk : Chunks()) ASSERT_TRUE(decoder.Add(chunk.SerializeAsString()).ok());
  const StateDict values = std::move(decoder).Take();
  for (size_t i = 0; i < base.size(); ++i) {
    EXPECT_EQ(values[i].tensor.values, base[i].tensor.values);
  }
}

TEST(StateDecoderTest, VersionsThatChangeHalfWayAreRefused) {
  const StateDict base = Sample();
  const auto& chunks = DifferencesIn(Codec::kF16, Codec::kF16).encoded;
  const auto other = [&](uint64_t version, uint64_t base_version) {
    v1::Chunk chunk;
    EXPECT_TRUE(chunk.ParseFromString(std::string(chunks->chunks()[1])));
    chunk.set_version(version);
    chunk.set_base_version(base_version);
    return chunk.SerializeAsString();
  };
  StateDecoder decoder(Manifest::Of(base), &base, 5);
  ASSERT_TRUE(decoder.Add(std::string(chunks->chunks()[0])).ok());
  for (const std::string& changed : {other(10, 5), other(9, 0), other(9, 6), other(0, 0)}) {
    const absl::Status status = decoder.Add(changed);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_EQ(decoder.next_chunk(), 1u);
    EXPECT_EQ(decoder.version(), 9u);
  }
  for (size_t i = 1; i < chunks->chunks().size(); ++i) {
    ASSERT_TRUE(decoder.Add(std::string(chunks->chunks()[i])).ok());
  }
  EXPECT_TRUE(decoder.complete());
}

TEST(StateDecoderTest, ErrorsNameChunkAndTensor) {
  const absl::Status status =
      DecodeChanged([](auto* chunks) { (*chunks)[1].mutable_slices(0)->set_checksum(1); });
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("chunk 1: tensor t0"), std::string::npos) << status;
}

}  // namespace
}  // namespace tributary
