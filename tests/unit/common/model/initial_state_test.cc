#include "common/model/initial_state.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "tests/unit/common/model/tiny_model.h"

namespace tributary {
namespace {

float Largest(const Tensor& tensor) {
  float largest = 0;
  for (const float value : tensor.values) largest = std::max(largest, std::abs(value));
  return largest;
}

TEST(InitialStateTest, HoldsThePlainTensorsInOrder) {
  const auto manifest = ModelManifest(TinySpec(), Modality::kPair, TensorScope::kPlain);
  EXPECT_EQ(Manifest::Of(TinyState(TinySpec(), Modality::kPair)), *manifest);
}

TEST(InitialStateTest, LinearLayersAreUniformWithinOneOverTheRootOfTheirInputs) {
  ModelSpec spec = TinySpec();
  spec.dim = 64;
  const StateDict state = TinyState(spec, Modality::kPair);
  for (const auto& [name, inputs] :
       {std::pair{"blockses.0.0.attn.qkv", 64.0}, std::pair{"blockses.1.1.mlp.fc2", 256.0},
        std::pair{"embeddings.0.embed.proj", 48.0}}) {
    const float bound = static_cast<float>(1 / std::sqrt(inputs));
    for (const char* part : {".weight", ".bias"}) {
      const Tensor* tensor = state.Find(std::string(name) + part);
      ASSERT_NE(tensor, nullptr);
      EXPECT_LE(Largest(*tensor), bound) << name << part;
      EXPECT_GT(Largest(*tensor), 0.9F * bound) << name << part;
    }
  }
}

TEST(InitialStateTest, TablesAreNormalAndThePaddingRowIsZero) {
  ModelSpec spec = TinySpec();
  spec.vocabulary_size = 2000;
  const StateDict state = TinyState(spec, Modality::kText);
  const Tensor& words = *state.Find("embeddings.1.text_embeddings.word_embeddings.weight");
  EXPECT_TRUE(std::all_of(words.values.begin(), words.values.begin() + spec.dim,
                          [](float value) { return value == 0; }));
  double sum = 0, squares = 0;
  for (const float value : words.values) {
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  const auto count = static_cast<double>(words.values.size());
  EXPECT_NEAR(sum / count, 0, 0.05);
  EXPECT_NEAR(squares / count, 1, 0.05);
}

TEST(InitialStateTest, NormsAreOneAndZeroAndImagePositionsZero) {
  const StateDict state = TinyState(TinySpec(), Modality::kPair);
  for (const char* norm :
       {"norm", "blockses.1.0.norm2", "embeddings.1.text_embeddings.LayerNorm"}) {
    for (const float value : state.Find(std::string(norm) + ".weight")->values) EXPECT_EQ(value, 1);
    EXPECT_EQ(Largest(*state.Find(std::string(norm) + ".bias")), 0);
  }
  EXPECT_EQ(Largest(*state.Find("embeddings.0.cls_token")), 0);
  EXPECT_EQ(Largest(*state.Find("embeddings.0.pos_embed")), 0);
}

TEST(InitialStateTest, EveryGlobalIsDrawnOnItsOwnAndTheSameEachTime) {
  const ModelSpec spec = TinySpec();
  const auto weight = [&](uint64_t seed, const std::string& dataset) {
    const auto state = InitialState(spec, Modality::kText, seed, dataset);
    return state->Find("blockses.1.0.attn.qkv.weight")->values;
  };
  EXPECT_EQ(weight(1, "a"), weight(1, "a"));
  EXPECT_NE(weight(1, "a"), weight(1, "b"));
  EXPECT_NE(weight(1, "a"), weight(2, "a"));
}

TEST(InitialStateTest, RefusesASpecThatMakesNoModel) {
  ModelSpec spec = TinySpec();
  spec.heads = 0;
  EXPECT_EQ(InitialState(spec, Modality::kImage, 1, "a").status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tributary
