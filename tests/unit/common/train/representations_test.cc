#include "common/train/representations.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/train/memory_samples.h"
#include "tests/unit/common/model/tiny_samples.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;

at::Tensor Rows(const std::vector<int64_t>& rows) { return at::tensor(rows, at::kLong); }

TEST(InterLossTest, TheSameSampleOfTheOtherModalityIsTheRightAnswer) {
  const at::Tensor others = at::eye(4), features = others.index_select(0, Rows({2, 0}));
  const double right = InterLoss(features, Rows({2, 0}), others, 0.1).item<double>();
  const double wrong = InterLoss(features, Rows({1, 3}), others, 0.1).item<double>();
  EXPECT_LT(right, 0.001);
  EXPECT_NEAR(wrong, 10, 0.01) << "one over the temperature, above nearly nothing";
}

TEST(InterLossTest, AHighTemperatureIsAGuessAmongAllOfThem) {
  const at::Tensor others = at::eye(4);
  EXPECT_NEAR(InterLoss(others, Rows({0, 1, 2, 3}), others, 1e6).item<double>(), std::log(4), 1e-4);
}

TEST(IntraLossTest, DrawsToTheGlobalAndAwayFromTheOld) {
  const at::Tensor feature = at::ones({1, 2}), same = at::ones({1, 2});
  const at::Tensor other = at::zeros_like(same);
  EXPECT_LT(IntraLoss(feature, same, other, 0.5).item<double>(),
            IntraLoss(feature, other, same, 0.5).item<double>());
  EXPECT_NEAR(IntraLoss(feature, same, same, 0.5).item<double>(), std::log(2), 1e-6);
  EXPECT_NEAR(IntraLoss(feature, same, other, 0.5).item<double>(), std::log1p(std::exp(-4)), 1e-6);
}

TEST(RepresentationWeightsTest, AClientThatAgreesWithTheOtherModalityCountsMore) {
  const at::Tensor others = at::eye(3) * 5;
  const at::Tensor good = at::eye(3), bad = at::eye(3).flip(0);
  const at::Tensor weights = RepresentationWeights({bad, good}, others);
  ASSERT_EQ(weights.sizes(), (at::IntArrayRef{2, 3}));
  EXPECT_TRUE(at::allclose(weights.sum(0), at::ones({3})));
  EXPECT_GT(weights[1][0].item<float>(), 0.9F);
  // Sample 1 lies on both diagonals: there they are alike.
  EXPECT_FLOAT_EQ(weights[0][1].item<float>(), 0.5F);
}

TEST(RepresentationWeightsTest, ASingleClientIsTheEnsemble) {
  const at::Tensor only = at::eye(3);
  const at::Tensor weights = RepresentationWeights({only}, at::eye(3));
  EXPECT_TRUE(at::allclose(weights, at::ones({1, 3})));
  EXPECT_TRUE(at::allclose(EnsembleOf({only}, weights), only));
}

TEST(EnsembleTest, EachSampleHasWeightsOfItsOwn) {
  const at::Tensor a = at::ones({2, 3}), b = at::ones({2, 3}) * 3;
  const at::Tensor weights = at::tensor({1.0F, 0.25F, 0.0F, 0.75F}).reshape({2, 2});
  const at::Tensor merged = EnsembleOf({a, b}, weights);
  EXPECT_TRUE(at::allclose(merged[0], at::ones({3})));
  EXPECT_TRUE(at::allclose(merged[1], at::ones({3}) * 2.5));
}

TEST(DistillationLossTest, IsTheMeanOfSquaresOverAllValues) {
  EXPECT_FLOAT_EQ(DistillationLoss(at::ones({2, 3}) * 3, at::ones({2, 3})).item<float>(), 4);
}

TEST(TranslateTokensTest, TokensBecomePlacesAndTheOriginalStays) {
  const at::Tensor tokens = Rows({3, 0, 3}).reshape({1, 3});
  const at::Tensor translated = TranslateTokens(tokens, {0, -1, -1, 1});
  EXPECT_TRUE(translated.equal(Rows({1, 0, 1}).reshape({1, 3})));
  EXPECT_TRUE(tokens.equal(Rows({3, 0, 3}).reshape({1, 3})));
  EXPECT_TRUE(TranslateTokens(tokens, {}).equal(tokens)) << "no shortened table";
}

TEST(ForEachBatchTest, GoesOverAllSamplesInOrderTheLastBatchShort) {
  const auto samples = TinySamples(Modality::kImage, 5);
  std::vector<std::vector<int64_t>> batches;
  const absl::Status status =
      ForEachBatch(*samples, 2, [&](const std::vector<int64_t>& rows, const Batch& batch) {
        batches.push_back(rows);
        EXPECT_EQ(batch.images.size(0), static_cast<int64_t>(rows.size()));
        EXPECT_TRUE(batch.images[0].equal(TinyImages(5)[rows[0]]));
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(batches, ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3), ElementsAre(4)));
}

TEST(ForEachBatchTest, AnErrorEndsIt) {
  const auto samples = TinySamples(Modality::kImage, 5);
  int visits = 0;
  const absl::Status status =
      ForEachBatch(*samples, 2, [&](const std::vector<int64_t>&, const Batch&) {
        ++visits;
        return absl::ResourceExhaustedError("no memory");
      });
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_EQ(visits, 1);
}

// Samples of which one cannot be read.
class DamagedSamples : public MemorySamples {
 public:
  DamagedSamples()
      : MemorySamples(Modality::kImage, {.images = TinyImages(4), .tokens = {}, .labels = {}}) {}
  absl::StatusOr<Batch> Gather(absl::Span<const int64_t> rows, const Augmentations& augmentations,
                               RandomStream* stream) const override {
    if (rows.front() == 2) return absl::DataLossError("row 2 is damaged");
    return MemorySamples::Gather(rows, augmentations, stream);
  }
};

TEST(ForEachBatchTest, ARowThatCannotBeReadEndsIt) {
  int visits = 0;
  EXPECT_TRUE(absl::IsDataLoss(
      ForEachBatch(DamagedSamples(), 1, [&](const std::vector<int64_t>&, const Batch&) {
        ++visits;
        return absl::OkStatus();
      })));
  EXPECT_EQ(visits, 2);
}

class RepresentTest : public testing::Test {
 protected:
  RepresentTest() : samples_(TinySamples(Modality::kPair, 5)) {
    const ModelSpec spec = TinySpec();
    auto model =
        Transformer::Create(spec, Modality::kPair, TinyState(spec, Modality::kPair), c10::kCPU);
    EXPECT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
  }
  at::Tensor Of(int64_t batch, Modality part) {
    const auto all = Represent(*model_, *samples_, batch, part, {});
    EXPECT_TRUE(all.ok()) << all.status();
    return *all;
  }
  const std::unique_ptr<Samples> samples_;
  std::unique_ptr<Transformer> model_;
};

TEST_F(RepresentTest, RowsHaveNormOneAndDoNotDependOnTheBatch) {
  for (const Modality part : {Modality::kImage, Modality::kText}) {
    const at::Tensor whole = Of(5, part), parts = Of(2, part);
    EXPECT_EQ(whole.sizes(), (at::IntArrayRef{5, 8}));
    EXPECT_TRUE(at::allclose(whole.square().sum(1), at::ones({5})));
    EXPECT_TRUE(at::allclose(whole, parts, 1e-5, 1e-6));
  }
  EXPECT_FALSE(at::allclose(Of(5, Modality::kImage), Of(5, Modality::kText)));
}

TEST_F(RepresentTest, HasNoHistoryButFeaturesOfABatchDo) {
  EXPECT_FALSE(Of(5, Modality::kText).requires_grad());
  const auto batch = samples_->Gather({0, 1}, {}, nullptr);
  ASSERT_TRUE(batch.ok());
  EXPECT_TRUE(FeaturesOf(*model_, *batch, Modality::kImage, {}).requires_grad());
}

TEST_F(RepresentTest, AShortenedWordTableGivesTheSame) {
  const std::vector<int64_t>& rows = samples_->word_rows();
  std::vector<int64_t> places(20, -1);
  for (size_t i = 0; i < rows.size(); ++i) {
    places[static_cast<size_t>(rows[i])] = static_cast<int64_t>(i);
  }
  const ModelSpec spec = TinySpec();
  const auto shortened =
      Transformer::Create(spec, Modality::kPair, TinyState(spec, Modality::kPair), c10::kCPU, rows);
  ASSERT_TRUE(shortened.ok()) << shortened.status();
  const auto all = Represent(**shortened, *samples_, 5, Modality::kText, places);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_TRUE(at::allclose(*all, Of(5, Modality::kText)));
}

TEST_F(RepresentTest, ASampleThatCannotBeReadIsTheError) {
  EXPECT_TRUE(
      absl::IsDataLoss(Represent(*model_, DamagedSamples(), 1, Modality::kImage, {}).status()));
}

}  // namespace
}  // namespace tributary
