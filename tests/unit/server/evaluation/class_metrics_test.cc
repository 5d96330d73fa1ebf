#include "server/evaluation/class_metrics.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/train/score_counter.h"

namespace tributary {
namespace {

// Three classes, the last neither true nor predicted: 3 of class 0 right, 1 taken for class 1; 2 of
// class 1 right.
ClassCounts ByHand() {
  return {.classes = 3,
          .right = 5,
          .loss_sum = 3,
          .confusion = {3, 1, 0, 0, 2, 0, 0, 0, 0},
          .positives = std::vector<int64_t>(static_cast<size_t>(3 * kScoreBins)),
          .negatives = std::vector<int64_t>(static_cast<size_t>(3 * kScoreBins)),
          .auroc = {0.75, 0.5, std::numeric_limits<double>::quiet_NaN()}};
}

// `samples` of `classes` classes, whose scores favour the true one.
ClassCounts Random(int64_t samples, int64_t classes, uint64_t seed) {
  RandomStream stream(seed, "logits");
  std::vector<float> logits;
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < samples; ++i) {
    for (int64_t c = 0; c < classes; ++c) {
      logits.push_back(static_cast<float>(stream.Normal() + (c == i % classes ? 1 : 0)));
    }
    labels.push_back(i % classes);
  }
  ScoreCounter counter(classes);
  counter.Add(logits, labels);
  return std::move(counter).Finish();
}

TEST(ClassMetricsTest, ByHand) {
  const ClassificationMetrics metrics = ClassMetricsOf(ByHand(), 6);
  EXPECT_DOUBLE_EQ(metrics.accuracy, 100 * 5.0 / 6);
  EXPECT_DOUBLE_EQ(metrics.chance_accuracy, 100.0 / 3);
  EXPECT_DOUBLE_EQ(*metrics.loss, 0.5);
  // Recalls 3/4 and 1; class 2 has no samples.
  EXPECT_DOUBLE_EQ(*metrics.balanced_accuracy, 100 * (0.75 + 1) / 2);
  // F1: 2 * 3 / (4 + 3) and 2 * 2 / (2 + 3); class 2 does not occur.
  EXPECT_DOUBLE_EQ(*metrics.macro_f1, 100 * (6.0 / 7 + 4.0 / 5) / 2);
  EXPECT_DOUBLE_EQ(*metrics.auroc, 0.625);
  EXPECT_EQ(metrics.auroc_error, 0) << "exact";
  EXPECT_EQ(metrics.confusion,
            (std::vector<std::vector<int64_t>>{{3, 1, 0}, {0, 2, 0}, {0, 0, 0}}));
}

TEST(ClassMetricsTest, AClassThatIsOnlyPredictedCountsForF1AlongWithTheTrueOnes) {
  ClassCounts counts = ByHand();
  counts.confusion = {3, 0, 1, 0, 2, 0, 0, 0, 0};  // the mistake is now class 2
  const ClassificationMetrics metrics = ClassMetricsOf(counts, 6);
  EXPECT_DOUBLE_EQ(*metrics.balanced_accuracy, 100 * (0.75 + 1) / 2);
  EXPECT_DOUBLE_EQ(*metrics.macro_f1, 100 * (6.0 / 7 + 1 + 0) / 3);
}

TEST(ClassMetricsTest, FromBinsTheExactAurocIsWithinTheErrorThatIsTold) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    ClassCounts counts = Random(300, 4, seed);
    const ClassificationMetrics exact = ClassMetricsOf(counts, 300);
    counts.auroc.clear();
    const ClassificationMetrics binned = ClassMetricsOf(counts, 300);
    EXPECT_EQ(exact.auroc_error, 0);
    EXPECT_GT(binned.auroc_error, 0);
    EXPECT_LT(binned.auroc_error, 0.02);
    EXPECT_LE(std::abs(*binned.auroc - *exact.auroc), binned.auroc_error);
    EXPECT_DOUBLE_EQ(*binned.macro_f1, *exact.macro_f1);
  }
}

TEST(ClassMetricsTest, ScoresThatAllFallIntoOneBinTellNothing) {
  ClassCounts counts = ByHand();
  counts.auroc.clear();
  counts.positives[7] = 4;
  counts.negatives[7] = 2;
  const ClassificationMetrics metrics = ClassMetricsOf(counts, 6);
  EXPECT_DOUBLE_EQ(*metrics.auroc, 0.5);
  EXPECT_DOUBLE_EQ(metrics.auroc_error, 0.5);
}

TEST(ClassMetricsTest, WithoutPositivesAndNegativesThereIsNoAuroc) {
  ClassCounts counts{.classes = 1,
                     .right = 2,
                     .loss_sum = 0,
                     .confusion = {2},
                     .positives = std::vector<int64_t>(static_cast<size_t>(kScoreBins)),
                     .negatives = std::vector<int64_t>(static_cast<size_t>(kScoreBins)),
                     .auroc = {std::numeric_limits<double>::quiet_NaN()}};
  counts.positives.back() = 2;
  EXPECT_FALSE(ClassMetricsOf(counts, 2).auroc.has_value());
  counts.auroc.clear();
  EXPECT_FALSE(ClassMetricsOf(counts, 2).auroc.has_value());
}

TEST(ClassMetricsTest, OfVeryManyClassesAccuracyAndLossAreKnown) {
  const ClassificationMetrics metrics =
      ClassMetricsOf({.classes = 1000, .right = 1, .loss_sum = 8}, 4);
  EXPECT_DOUBLE_EQ(metrics.accuracy, 25);
  EXPECT_DOUBLE_EQ(*metrics.loss, 2);
  EXPECT_FALSE(metrics.macro_f1.has_value());
  EXPECT_FALSE(metrics.auroc.has_value());
}

TEST(ClassMetricsTest, TheConfusionMatrixIsToldUpToAHundredClasses) {
  EXPECT_EQ(ClassMetricsOf(Random(200, 100, 1), 200).confusion.size(), 100u);
  const ClassificationMetrics more = ClassMetricsOf(Random(202, 101, 1), 202);
  EXPECT_TRUE(more.confusion.empty());
  EXPECT_TRUE(more.macro_f1.has_value());
}

}  // namespace
}  // namespace tributary
