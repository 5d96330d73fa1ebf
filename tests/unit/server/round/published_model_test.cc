#include "server/round/published_model.h"

#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/codec/state_decoder.h"
#include "common/codec/topk.h"

namespace tributary {
namespace {

// What differences may be sent in.
constexpr auto kDeltas = [] {
  std::array<Codec, CountOfCodecs(MayCarryDifference)> codecs{};
  size_t i = 0;
  for (const CodecRow& row : kCodecTable) {
    if (MayCarryDifference(row)) codecs[i++] = row.codec;
  }
  return codecs;
}();

PublishOptions OptionsOf(Codec whole, std::optional<Codec> delta) {
  return {.whole = whole, .delta = delta, .chunk_bytes = 16 << 10, .threads = 2};
}

// Adds normal noise to every value.
void Walk(double step, RandomStream* stream, StateDict* state) {
  for (size_t i = 0; i < state->size(); ++i) {
    for (float& value : (*state)[i].tensor.values) {
      value += static_cast<float>(step * stream->Normal());
    }
  }
}

StateDict Weights() {
  StateDict state;
  EXPECT_TRUE(state.Add("first", Tensor::Zeros({130, 101})).ok());
  EXPECT_TRUE(state.Add("norm", Tensor::Zeros({37})).ok());
  EXPECT_TRUE(state.Add("empty", Tensor::Zeros({0, 5})).ok());
  EXPECT_TRUE(state.Add("second", Tensor::Zeros({7, 9})).ok());
  EXPECT_TRUE(state.Add("scale", Tensor::Zeros({})).ok());
  RandomStream stream(1, "published_model_test");
  Walk(0.1, &stream, &state);
  return state;
}

// What a client holds that takes `encoded`, from `base` where those are differences.
StateDict Pull(const StateDict& like, const EncodedState& encoded, const StateDict* base,
               uint64_t base_version) {
  StateDecoder decoder(Manifest::Of(like), base, base_version);
  for (const absl::Cord& chunk : encoded.chunks()) {
    const absl::Status status = decoder.Add(std::string(chunk));
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_TRUE(decoder.complete());
  EXPECT_EQ(decoder.version(), encoded.version().version);
  return std::move(decoder).Take();
}

void ExpectSameBits(const StateDict& a, const StateDict& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const std::vector<float>&left = a[i].tensor.values, &right = b[i].tensor.values;
    ASSERT_EQ(left.size(), right.size());
    if (left.empty()) continue;
    EXPECT_EQ(std::memcmp(left.data(), right.data(), left.size() * sizeof(float)), 0) << a[i].name;
  }
}

double Distance(const StateDict& a, const StateDict& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < a[i].tensor.values.size(); ++j) {
      sum += std::pow(a[i].tensor.values[j] - b[i].tensor.values[j], 2);
    }
  }
  return std::sqrt(sum);
}

TEST(PublishedModelTest, DifferencesAndWholesEndInTheSameBits) {
  for (const Codec whole : {Codec::kF16, Codec::kBf16, Codec::kF32}) {
    for (const Codec delta : kDeltas) {
      SCOPED_TRACE(std::string(CodecName(whole)) + " " + std::string(CodecName(delta)));
      const PublishOptions options = OptionsOf(whole, delta);
      StateDict weights = Weights();
      RandomStream stream(2, "published_model_test");
      PublishedModel last = Publish(EncodedState::SourcesOf(weights), nullptr, nullptr, options);
      ASSERT_EQ(last.delta, nullptr);
      StateDict held = Pull(weights, *last.whole, nullptr, 0);
      for (int round = 0; round < 5; ++round) {
        Walk(0.01, &stream, &weights);
        const PublishedModel next =
            Publish(EncodedState::SourcesOf(weights), nullptr, last.whole.get(), options);
        ASSERT_NE(next.delta, nullptr);
        EXPECT_EQ(next.delta->version().base, last.whole->version().version);
        EXPECT_EQ(next.delta->version().version, next.whole->version().version);
        EXPECT_EQ(next.whole->version().base, 0u);
        EXPECT_NE(next.whole->version().version, last.whole->version().version);
        held = Pull(weights, *next.delta, &held, last.whole->version().version);
        ExpectSameBits(held, Pull(weights, *next.whole, nullptr, 0));
        last = next;
      }
    }
  }
}

// Slices follow from the chunks of the version before, whatever their size.
TEST(PublishedModelTest, AnySizeOfChunkIsCutAlikeAgainAndAgain) {
  StateDict weights;
  ASSERT_TRUE(weights.Add("large", Tensor::Zeros({2, kMostSliceValues + 77})).ok());
  ASSERT_TRUE(weights.Add("norm", Tensor::Zeros({5})).ok());
  RandomStream stream(5, "published_model_test");
  for (const int64_t chunk_bytes : {int64_t{17 << 10}, int64_t{333'333}, int64_t{3000 << 10}}) {
    PublishOptions options = OptionsOf(Codec::kF16, Codec::kInt8Block);
    options.chunk_bytes = chunk_bytes;
    PublishedModel last = Publish(EncodedState::SourcesOf(weights), nullptr, nullptr, options);
    StateDict held = Pull(weights, *last.whole, nullptr, 0);
    for (int round = 0; round < 3; ++round) {
      Walk(0.01, &stream, &weights);
      const PublishedModel next =
          Publish(EncodedState::SourcesOf(weights), nullptr, last.whole.get(), options);
      held = Pull(weights, *next.delta, &held, last.whole->version().version);
      ExpectSameBits(held, Pull(weights, *next.whole, nullptr, 0));
      last = next;
    }
  }
}

TEST(PublishedModelTest, TheErrorDoesNotGrow) {
  for (const Codec whole : {Codec::kF16, Codec::kF32}) {
    for (const Codec delta : kDeltas) {
      SCOPED_TRACE(std::string(CodecName(whole)) + " " + std::string(CodecName(delta)));
      const PublishOptions options = OptionsOf(whole, delta);
      StateDict weights = Weights();
      RandomStream stream(3, "published_model_test");
      PublishedModel last = Publish(EncodedState::SourcesOf(weights), nullptr, nullptr, options);
      double first_error = 0, error = 0;
      for (int round = 0; round < 5; ++round) {
        Walk(0.01, &stream, &weights);
        last = Publish(EncodedState::SourcesOf(weights), nullptr, last.whole.get(), options);
        error = Distance(weights, Pull(weights, *last.whole, nullptr, 0));
        if (round == 0) first_error = error;
      }
      // Five losses that are forgotten would be sqrt(5) = 2.24 times one; with topk they
      // are 1.63 times one by then.
      EXPECT_LT(error, 1.8 * first_error);
    }
  }
}

TEST(PublishedModelTest, WhatADifferenceLosesIsInTheNextOnes) {
  for (const Codec delta : kDeltas) {
    const PublishOptions options = OptionsOf(Codec::kF32, delta);
    StateDict weights = Weights();
    RandomStream stream(4, "published_model_test");
    PublishedModel last = Publish(EncodedState::SourcesOf(weights), nullptr, nullptr, options);
    Walk(0.01, &stream, &weights);
    const double step = Distance(weights, Pull(weights, *last.whole, nullptr, 0));
    // The weights stand still from now on.
    for (int round = 0; round < 2 * static_cast<int>(kTopKShare); ++round) {
      last = Publish(EncodedState::SourcesOf(weights), nullptr, last.whole.get(), options);
    }
    EXPECT_LT(Distance(weights, Pull(weights, *last.whole, nullptr, 0)), 0.01 * step)
        << CodecName(delta);
  }
}

TEST(PublishedModelTest, WholesInHalvesAreTheWeightsRounded) {
  for (const Codec whole : {Codec::kF16, Codec::kBf16}) {
    const StateDict weights = Weights();
    const PublishedModel first =
        Publish(EncodedState::SourcesOf(weights), nullptr, nullptr, OptionsOf(whole, std::nullopt));
    StateDict rounded = weights;
    for (size_t i = 0; i < rounded.size(); ++i) {
      if (rounded[i].tensor.shape.size() > 1) {
        RoundTo(whole, absl::MakeSpan(rounded[i].tensor.values));
      }
    }
    ExpectSameBits(Pull(weights, *first.whole, nullptr, 0), rounded);
  }
}

TEST(PublishedModelTest, ThereIsNoDifferenceWithoutALastOneOrACodecForIt) {
  const StateDict weights = Weights();
  const auto sources = EncodedState::SourcesOf(weights);
  const PublishedModel first =
      Publish(sources, nullptr, nullptr, OptionsOf(Codec::kF16, Codec::kInt8Block));
  EXPECT_EQ(first.delta, nullptr);
  const PublishedModel next =
      Publish(sources, nullptr, first.whole.get(), OptionsOf(Codec::kF16, std::nullopt));
  EXPECT_EQ(next.delta, nullptr);
  EXPECT_EQ(next.whole->chunks(), first.whole->chunks());
}

TEST(PublishedModelTest, WeightsThatStandStillGiveDifferencesOfNothing) {
  const StateDict weights = Weights();
  const auto sources = EncodedState::SourcesOf(weights);
  const PublishOptions options = OptionsOf(Codec::kF32, Codec::kTopK);
  const PublishedModel first = Publish(sources, nullptr, nullptr, options);
  const PublishedModel next = Publish(sources, nullptr, first.whole.get(), options);
  EXPECT_LT(next.delta->bytes(), 1000u);
  const StateDict held = Pull(weights, *first.whole, nullptr, 0);
  ExpectSameBits(Pull(weights, *next.delta, &held, first.whole->version().version), weights);
}

TEST(PublishedModelTest, PlainF32RefersToTheWeightsOnlyWhereThereAreNoDifferences) {
  auto weights = std::make_shared<StateDict>(Weights());
  const std::weak_ptr<StateDict> watched = weights;
  const auto sources = EncodedState::SourcesOf(*weights);
  PublishOptions options = OptionsOf(Codec::kF32, Codec::kInt8Block);
  options.plain_f32 = true;
  PublishedModel with = Publish(sources, weights, nullptr, options);
  // With differences the next round's are taken from these bytes, so that they may not change.
  const StateDict before = *weights;
  (*weights)[0].tensor.values[0] += 1;
  ExpectSameBits(Pull(before, *with.whole, nullptr, 0), before);
  options.delta = std::nullopt;
  PublishedModel without = Publish(sources, weights, nullptr, options);
  ExpectSameBits(Pull(before, *without.whole, nullptr, 0), *weights);
  weights.reset();
  EXPECT_FALSE(watched.expired());
  without = {};
  EXPECT_TRUE(watched.expired());
}

TEST(PublishedModelTest, TheBytesDoNotDependOnTheNumberOfThreads) {
  StateDict weights = Weights();
  PublishOptions one = OptionsOf(Codec::kF16, Codec::kInt4Block), four = one;
  one.threads = 1;
  four.threads = 4;
  const PublishedModel last = Publish(EncodedState::SourcesOf(weights), nullptr, nullptr, one);
  RandomStream stream(5, "published_model_test");
  Walk(0.01, &stream, &weights);
  const auto sources = EncodedState::SourcesOf(weights);
  const PublishedModel a = Publish(sources, nullptr, last.whole.get(), one);
  const PublishedModel b = Publish(sources, nullptr, last.whole.get(), four);
  EXPECT_EQ(a.whole->chunks(), b.whole->chunks());
  EXPECT_EQ(a.delta->chunks(), b.delta->chunks());
}

}  // namespace
}  // namespace tributary
