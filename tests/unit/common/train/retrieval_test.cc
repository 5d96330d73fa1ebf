#include "common/train/retrieval.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/train/schedule.h"

namespace tributary {
namespace {

// `count` images and texts; text i is image i but for `noise`.
Gallery NoisyGallery(int64_t count, int64_t dim, double noise) {
  Gallery gallery{.dim = dim, .images = {}, .texts = {}, .image_of_text = {}};
  RandomStream stream(11, "gallery");
  for (int64_t i = 0; i < count * dim; ++i) {
    gallery.images.push_back(static_cast<float>(stream.Normal()));
    gallery.texts.push_back(gallery.images.back() + static_cast<float>(noise * stream.Normal()));
  }
  gallery.image_of_text.resize(static_cast<size_t>(count));
  std::iota(gallery.image_of_text.begin(), gallery.image_of_text.end(), 0);
  return gallery;
}

TEST(RetrievalTest, EqualEmbeddingsFindEachOther) {
  Gallery gallery = NoisyGallery(20, 64, 0);
  const RetrievalMetrics metrics = EvaluateRetrieval(gallery);
  EXPECT_DOUBLE_EQ(metrics.i2t.r1, 100);
  EXPECT_DOUBLE_EQ(metrics.t2i.r1, 100);
  EXPECT_EQ(metrics.i2t.median, 1);
  EXPECT_EQ(metrics.t2i.mean, 1);
}

TEST(RetrievalTest, AModelThatMapsAllToOnePointDoesNotScore) {
  Gallery gallery = NoisyGallery(100, 8, 0);
  std::fill(gallery.images.begin(), gallery.images.end(), 0.5F);
  std::fill(gallery.texts.begin(), gallery.texts.end(), 0.5F);
  const RetrievalMetrics metrics = EvaluateRetrieval(gallery);
  EXPECT_EQ(metrics.i2t.r10 + metrics.t2i.r10, 0);
  EXPECT_NEAR(metrics.t2i.mean, 50, 1);
}

TEST(RetrievalTest, NoiseOnlyScoresAboutChance) {
  Gallery gallery = NoisyGallery(400, 8, 0);
  std::rotate(gallery.texts.begin(), gallery.texts.begin() + 8, gallery.texts.end());
  const RetrievalMetrics metrics = EvaluateRetrieval(gallery);
  EXPECT_LT(metrics.i2t.r1 + metrics.t2i.r1, 10 * ChanceR1Sum(gallery));
}

TEST(RetrievalTest, AnyCaptionOfAnImageCounts) {
  // Two images, two captions each; the second caption of each is far off.
  const Gallery gallery{.dim = 2,
                        .images = {1, 0, 0, 1},
                        .texts = {1, 0, -1, 0, 0, 1, 0, -1},
                        .image_of_text = {0, 0, 1, 1}};
  const RetrievalMetrics metrics = EvaluateRetrieval(gallery);
  EXPECT_DOUBLE_EQ(metrics.i2t.r1, 100);
  EXPECT_DOUBLE_EQ(metrics.t2i.r1, 50);
}

TEST(RetrievalTest, RanksCountWhatIsAhead) {
  // Similarities of text 0 with images 0, 1, 2: 1, 3, 2. Its image is 0: rank 2.
  const Gallery gallery{
      .dim = 1, .images = {1, 3, 2}, .texts = {1, -1, 0.5}, .image_of_text = {0, 1, 2}};
  const RetrievalMetrics metrics = EvaluateRetrieval(gallery);
  // Text 1 likes small images: image 1 is last, rank 2. Text 2 likes large ones: rank 1.
  EXPECT_DOUBLE_EQ(metrics.t2i.mean, (2 + 2 + 1) / 3.0 + 1);
  EXPECT_DOUBLE_EQ(metrics.t2i.median, 3);
  EXPECT_DOUBLE_EQ(metrics.t2i.r1, 0);
  EXPECT_DOUBLE_EQ(metrics.t2i.r5, 100);
}

TEST(RetrievalTest, FoldsAreEasierThanTheWhole) {
  const Gallery gallery = NoisyGallery(100, 16, 1.5);
  const RetrievalMetrics full = EvaluateRetrieval(gallery);
  const RetrievalMetrics folds = EvaluateRetrievalFolds(gallery, 5, 20);
  EXPECT_GT(folds.i2t.r1, full.i2t.r1);
  EXPECT_GT(folds.t2i.r5, full.t2i.r5);
  EXPECT_LE(folds.t2i.r10, 100 + 1e-9);
}

TEST(RetrievalTest, AsOneFoldFoldsAreTheWhole) {
  const Gallery gallery = NoisyGallery(30, 16, 1);
  EXPECT_DOUBLE_EQ(EvaluateRetrievalFolds(gallery, 1, 30).t2i.r1,
                   EvaluateRetrieval(gallery).t2i.r1);
}

TEST(RetrievalTest, ImagesBehindTheLastFoldAreLeftOut) {
  // Images 0 to 3 find their captions; 4 and 5 have each other's.
  const Gallery gallery{.dim = 1,
                        .images = {1, -1, 1, -1, 1, -1},
                        .texts = {1, -1, 1, -1, -1, 1},
                        .image_of_text = {0, 1, 2, 3, 4, 5}};
  EXPECT_DOUBLE_EQ(EvaluateRetrievalFolds(gallery, 2, 2).i2t.r1, 100);
  EXPECT_DOUBLE_EQ(EvaluateRetrievalFolds(gallery, 2, 2).t2i.r1, 100);
  EXPECT_DOUBLE_EQ(EvaluateRetrievalFolds(gallery, 3, 2).i2t.r1, 100 * 2 / 3.0);
  EXPECT_DOUBLE_EQ(EvaluateRetrievalFolds(gallery, 3, 2).i2t.mean, (1 + 1 + 2) / 3.0);
}

TEST(RetrievalTest, ChanceIsTwoOverTheImages) {
  EXPECT_DOUBLE_EQ(ChanceR1Sum(NoisyGallery(50, 2, 0)), 4);
}

TEST(LearningRateTest, DecaysByRepeatedMultiplication) {
  const LocalTraining settings{.learning_rate = 1, .learning_rate_decay = 0.9};
  EXPECT_EQ(LearningRate(settings, 1), 1);
  EXPECT_EQ(LearningRate(settings, 3), 1 * 0.9 * 0.9);
}

TEST(LearningRateTest, DecaysEveryFewRounds) {
  const LocalTraining settings{
      .learning_rate = 1, .learning_rate_decay = 0.5, .learning_rate_decay_every = 3};
  std::vector<double> rates;
  for (int round = 1; round <= 8; ++round) rates.push_back(LearningRate(settings, round));
  EXPECT_EQ(rates, (std::vector<double>{1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25}));
}

TEST(LearningRateTest, WarmUpScalesTheDecayedRate) {
  const LocalTraining settings{.learning_rate = 1,
                               .learning_rate_decay = 0.5,
                               .learning_rate_decay_every = 2,
                               .warmup_rounds = 4};
  EXPECT_DOUBLE_EQ(LearningRate(settings, 3), 0.5 * 3 / 5);
}

TEST(LearningRateTest, WarmUpRisesToTheFullRateAfterItsRounds) {
  const LocalTraining settings{.learning_rate = 1, .learning_rate_decay = 1, .warmup_rounds = 3};
  EXPECT_DOUBLE_EQ(LearningRate(settings, 1), 0.25);
  EXPECT_DOUBLE_EQ(LearningRate(settings, 3), 0.75);
  EXPECT_DOUBLE_EQ(LearningRate(settings, 4), 1);
}

}  // namespace
}  // namespace tributary
