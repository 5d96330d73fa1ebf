#include "common/model/pretrained.h"

#include <algorithm>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/tensor/safetensors.h"
#include "tests/scratch_folder.h"
#include "tests/unit/common/model/tiny_model.h"
#include "tests/unit/common/model/tiny_vit.h"

namespace tributary {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PretrainedTest : public testing::Test {
 protected:
  // A whole ViT of `dim`, a grid of `side` and `depth` blocks, all values 3.
  std::string Vit(int64_t dim, int64_t side, int64_t depth) {
    ModelSpec spec = spec_;
    spec.dim = dim;
    spec.depth = depth;
    spec.image_size = side * spec.patch;
    return Write(TimmVit(spec, 3));
  }
  void Add(const std::string& name, const Shape& shape, StateDict* file) {
    EXPECT_TRUE(file->Add(name, Filled(shape, 3)).ok());
  }
  std::string Write(const StateDict& file) {
    EXPECT_TRUE(WriteSafetensors(path_, file).ok());
    return path_;
  }

  const ScratchFolder scratch_;
  const std::string path_ = scratch_ / "weights.safetensors";
  const ModelSpec spec_ = TinySpec();
};

TEST_F(PretrainedTest, AVitFillsTheImagePartsAndTheFinalNorm) {
  StateDict state = TinyState(spec_, Modality::kPair);
  const int64_t side = spec_.image_size / spec_.patch;
  const auto report = TakeImageWeights(Vit(spec_.dim, side, 1), spec_, &state);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(state.Find("embeddings.0.cls_token")->values, Each(3));
  EXPECT_THAT(state.Find("embeddings.0.embed.proj.bias")->values, Each(3));
  EXPECT_THAT(state.Find("blockses.0.0.norm1.weight")->values, Each(3));
  EXPECT_THAT(state.Find("norm.weight")->values, Each(3));
  EXPECT_THAT(state.Find("blockses.1.0.norm1.weight")->values, Each(1)) << "texts are not touched";
  EXPECT_THAT(report->skipped, ElementsAre("head.weight", "head.bias"));
  EXPECT_TRUE(report->changed.empty());
}

TEST_F(PretrainedTest, ATextModelTakesTheFinalNormAlone) {
  StateDict state = TinyState(spec_, Modality::kText);
  const auto report = TakeImageWeights(Vit(spec_.dim, 2, 1), spec_, &state);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->taken, ElementsAre("norm.weight", "norm.bias"));
}

TEST_F(PretrainedTest, PositionsOfAnotherGridAreInterpolated) {
  StateDict state = TinyState(spec_, Modality::kImage);
  const auto report = TakeImageWeights(Vit(spec_.dim, 7, 1), spec_, &state);
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->changed.size(), 1u);
  EXPECT_THAT(report->changed[0], HasSubstr("7 x 7 to "));
  for (const float value : state.Find("embeddings.0.pos_embed")->values)
    EXPECT_NEAR(value, 3, 1e-5);
}

TEST_F(PretrainedTest, BlocksBeyondTheModelsDepthAreSkipped) {
  StateDict state = TinyState(spec_, Modality::kImage);
  const auto report = TakeImageWeights(Vit(spec_.dim, 2, spec_.depth + 1), spec_, &state);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->skipped, Contains(absl::StrCat("blocks.", spec_.depth, ".norm1.weight")));
}

TEST_F(PretrainedTest, AnotherWidthIsRefusedWithBothShapes) {
  StateDict state = TinyState(spec_, Modality::kImage);
  const StateDict before = state;
  const auto report = TakeImageWeights(Vit(spec_.dim * 2, 2, 1), spec_, &state);
  EXPECT_EQ(report.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(report.status().message()),
              AllOf(HasSubstr(path_), HasSubstr("cls_token"), HasSubstr("model.dim")));
}

TEST_F(PretrainedTest, BertsEmbeddingsFillTheTextEmbedding) {
  StateDict file;
  Add("bert.embeddings.word_embeddings.weight", {spec_.vocabulary_size, spec_.dim}, &file);
  Tensor positions = Tensor::Zeros({512, spec_.dim});
  std::iota(positions.values.begin(), positions.values.end(), 0.0F);
  ASSERT_TRUE(file.Add("bert.embeddings.position_embeddings.weight", positions).ok());
  Add("bert.embeddings.LayerNorm.gamma", {spec_.dim}, &file);
  Add("bert.encoder.layer.0.attention.self.query.weight", {spec_.dim, spec_.dim}, &file);
  StateDict state = TinyState(spec_, Modality::kText);
  const auto report = TakeTextWeights(Write(file), spec_, &state);
  ASSERT_TRUE(report.ok()) << report.status();
  const std::string prefix = "embeddings.1.text_embeddings.";
  EXPECT_THAT(state.Find(prefix + "word_embeddings.weight")->values, Each(3));
  EXPECT_THAT(state.Find(prefix + "LayerNorm.weight")->values, Each(3));
  const std::vector<float>& first = state.Find(prefix + "position_embeddings.weight")->values;
  EXPECT_TRUE(std::equal(first.begin(), first.end(), positions.values.begin()));
  EXPECT_THAT(report->skipped, ElementsAre("bert.encoder.layer.0.attention.self.query.weight"));
}

TEST_F(PretrainedTest, AWordTableOfAnotherVocabularyIsRefused) {
  StateDict file;
  Add("embeddings.word_embeddings.weight", {spec_.vocabulary_size + 5, spec_.dim}, &file);
  StateDict state = TinyState(spec_, Modality::kText);
  const auto report = TakeTextWeights(Write(file), spec_, &state);
  EXPECT_THAT(std::string(report.status().message()), HasSubstr("model.vocabulary"));
}

TEST_F(PretrainedTest, AFileWithoutAnyKnownNameIsRefused) {
  StateDict file;
  Add("layer1.weight", {3}, &file);
  StateDict state = TinyState(spec_, Modality::kPair);
  Write(file);
  EXPECT_THAT(std::string(TakeImageWeights(path_, spec_, &state).status().message()),
              HasSubstr("timm"));
  EXPECT_THAT(std::string(TakeTextWeights(path_, spec_, &state).status().message()),
              HasSubstr("BERT"));
  EXPECT_FALSE(TakeTextWeights(scratch_ / "none", spec_, &state).ok());
}

}  // namespace
}  // namespace tributary
