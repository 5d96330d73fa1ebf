#include "common/train/task_counts.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/train/score_counter.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

// `samples` random logits of `classes` classes; labels leave class `absent` out.
TaskCounts RandomCounts(int64_t samples, int64_t classes, uint64_t seed, int64_t absent = -1) {
  RandomStream stream(seed, "logits");
  std::vector<float> logits;
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < samples; ++i) {
    for (int64_t c = 0; c < classes; ++c) logits.push_back(static_cast<float>(stream.Normal()));
    labels.push_back(i % classes == absent ? (absent + 1) % classes : i % classes);
  }
  ScoreCounter counter(classes);
  counter.Add(logits, labels);
  return {.samples = samples, .classification = std::move(counter).Finish()};
}

TaskCounts SomeRetrieval() {
  return {.samples = 6,
          .retrieval = RetrievalCounts{.i2t = {.queries = 4, .hits1 = 1, .hits5 = 2, .hits10 = 4},
                                       .t2i = {.queries = 6, .hits1 = 0, .hits5 = 3, .hits10 = 3},
                                       .images = 4,
                                       .captions = 6,
                                       .loss_sum = 9}};
}

std::string MessageOf(const TaskCounts& counts, int64_t classes) {
  const absl::Status status = CheckCounts(counts, classes);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  return std::string(status.message());
}

TEST(ScoreCounterTest, CountsByHand) {
  // Softmax of (0, ln 3) is (.25, .75), that of (0, 0) is (.5, .5): a tie, whose first class
  // counts.
  const auto three = static_cast<float>(std::log(3.0));
  ScoreCounter counter(2);
  counter.Add({0, three, three, 0}, {1, 1});
  counter.Add({0, 0}, {0});
  const ClassCounts counts = std::move(counter).Finish();
  EXPECT_EQ(counts.right, 2);
  EXPECT_EQ(counts.confusion, (std::vector<int64_t>{1, 0, 1, 1}));
  EXPECT_NEAR(counts.loss_sum, -std::log(0.75) - std::log(0.25) - std::log(0.5), 1e-6);
  EXPECT_EQ(counts.positives[kScoreBins + 64] + counts.positives[kScoreBins + 63], 1) << ".25";
  EXPECT_EQ(counts.negatives[kScoreBins + 128], 1) << ".5, of the other class's sample";
  // Class 1: positives .75 and .25, the negative .5 lies between them.
  EXPECT_DOUBLE_EQ(counts.auroc[1], 0.5);
  EXPECT_DOUBLE_EQ(counts.auroc[0], 0.5);
}

TEST(ScoreCounterTest, AreaUnderRocCountsPairsAndTiesHalf) {
  const auto area = [](std::vector<double> positives, std::vector<double> negatives) {
    return AreaUnderRoc(&positives, &negatives);
  };
  EXPECT_DOUBLE_EQ(area({3, 4}, {1, 2}), 1);
  EXPECT_DOUBLE_EQ(area({1, 2}, {3, 4}), 0);
  EXPECT_DOUBLE_EQ(area({1, 1, 1}, {1, 1}), 0.5);
  EXPECT_DOUBLE_EQ(area({2, 1}, {1, 0}), 3.5 / 4);
  EXPECT_TRUE(std::isnan(area({}, {1})));
  EXPECT_TRUE(std::isnan(area({1}, {})));
}

TEST(ScoreCounterTest, AScoreThatOverwhelmsTheOthersIsFinite) {
  ScoreCounter counter(2);
  counter.Add({3e38F, -3e38F, 3e38F, -3e38F}, {0, 1});
  const ClassCounts counts = std::move(counter).Finish();
  EXPECT_TRUE(std::isfinite(counts.loss_sum)) << counts.loss_sum;
  EXPECT_EQ(counts.positives[kScoreBins - 1], 1) << "a score of 1 lies in the last bin";
  EXPECT_TRUE(CheckCounts({.samples = 2, .classification = counts}, 2).ok());
}

TEST(ScoreCounterTest, OfManyClassesOnlyWhatIsRightIsCounted) {
  const int64_t classes = kMostCountedClasses + 1;
  std::vector<float> logits(static_cast<size_t>(classes), 0);
  logits[7] = 1;
  ScoreCounter counter(classes);
  counter.Add(logits, {7});
  const TaskCounts counts{.samples = 1, .classification = std::move(counter).Finish()};
  EXPECT_EQ(counts.classification->right, 1);
  EXPECT_GT(counts.classification->loss_sum, 0);
  EXPECT_TRUE(counts.classification->confusion.empty());
  EXPECT_TRUE(CheckCounts(counts, classes).ok());
}

TEST(TaskCountsTest, WhatIsCountedIsAccepted) {
  EXPECT_TRUE(CheckCounts(RandomCounts(50, 3, 1), 3).ok())
      << CheckCounts(RandomCounts(50, 3, 1), 3);
  EXPECT_TRUE(CheckCounts(RandomCounts(50, 3, 1, /*absent=*/2), 3).ok()) << "a NaN of the absent";
  EXPECT_TRUE(CheckCounts(RandomCounts(0, 3, 1), 3).ok());
  EXPECT_TRUE(CheckCounts(SomeRetrieval(), 0).ok()) << CheckCounts(SomeRetrieval(), 0);
}

TEST(TaskCountsTest, ClassCountsThatCannotBeAreRefusedByName) {
  const auto broken = [](const std::function<void(TaskCounts*, ClassCounts*)>& change) {
    TaskCounts counts = RandomCounts(50, 3, 1);
    change(&counts, &*counts.classification);
    return MessageOf(counts, 3);
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(broken([](auto* all, auto*) { all->samples = -1; }), HasSubstr("samples is -1"));
  EXPECT_THAT(broken([](auto* all, auto*) { all->samples = int64_t{1} << 50; }),
              HasSubstr("samples"));
  EXPECT_THAT(broken([](auto* all, auto*) { ++all->samples; }), HasSubstr("confusion"));
  EXPECT_THAT(broken([](auto*, auto* one) { one->classes = 4; }), HasSubstr("number of classes"));
  EXPECT_THAT(broken([&](auto*, auto* one) { one->loss_sum = nan; }), HasSubstr("loss"));
  EXPECT_THAT(broken([](auto*, auto* one) { one->loss_sum = -1; }), HasSubstr("loss"));
  EXPECT_THAT(broken([](auto*, auto* one) { one->confusion.pop_back(); }),
              HasSubstr("length of confusion"));
  EXPECT_THAT(broken([](auto*, auto* one) { one->confusion[0] = -1; }), HasSubstr("confusion"));
  EXPECT_THAT(broken([](auto*, auto* one) { ++one->confusion[0]; }), HasSubstr("confusion"));
  EXPECT_THAT(
      broken([](auto*, auto* one) { one->confusion[0] = std::numeric_limits<int64_t>::max(); }),
      HasSubstr("confusion"));
  EXPECT_THAT(broken([](auto*, auto* one) { ++one->right; }), HasSubstr("right"));
  EXPECT_THAT(broken([](auto*, auto* one) { one->positives.clear(); }), HasSubstr("positives"));
  EXPECT_THAT(broken([](auto*, auto* one) { ++one->positives[5]; }),
              HasSubstr("positives of class 0"));
  EXPECT_THAT(broken([](auto*, auto* one) { ++one->negatives[kScoreBins]; }),
              HasSubstr("negatives of class 1"));
  EXPECT_THAT(broken([](auto*, auto* one) { one->auroc[1] = 1.5; }), HasSubstr("AUROC of class 1"));
  EXPECT_THAT(broken([&](auto*, auto* one) { one->auroc[1] = nan; }),
              HasSubstr("AUROC of class 1"));
  EXPECT_THAT(broken([](auto*, auto* one) { one->auroc.pop_back(); }), HasSubstr("auroc"));
  EXPECT_THAT(broken([](auto* all, auto*) { all->classification.reset(); }),
              HasSubstr("classification"));
  EXPECT_THAT(MessageOf(RandomCounts(5, 3, 1), 0), HasSubstr("retrieval"));
}

TEST(TaskCountsTest, RetrievalCountsThatCannotBeAreRefusedByName) {
  const auto broken = [](const std::function<void(TaskCounts*, RetrievalCounts*)>& change) {
    TaskCounts counts = SomeRetrieval();
    change(&counts, &*counts.retrieval);
    return MessageOf(counts, 0);
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(broken([](auto* all, auto*) { all->samples = 7; }), HasSubstr("captions is 6"));
  EXPECT_THAT(broken([](auto*, auto* one) { one->images = 7; }), HasSubstr("images is 7"));
  EXPECT_THAT(broken([](auto*, auto* one) { one->images = 0; }), HasSubstr("images is 0"));
  EXPECT_THAT(broken([](auto*, auto* one) { one->i2t.queries = 5; }), HasSubstr("image to text"));
  EXPECT_THAT(broken([](auto*, auto* one) { one->t2i.hits1 = 4; }),
              HasSubstr("text to image hits"));
  EXPECT_THAT(broken([](auto*, auto* one) { one->t2i.hits10 = 7; }), HasSubstr("text to image"));
  EXPECT_THAT(broken([](auto*, auto* one) { one->t2i.hits1 = .5; }), HasSubstr("whole number"));
  EXPECT_THAT(broken([&](auto*, auto* one) { one->t2i.hits1 = nan; }), HasSubstr("hits"));
  EXPECT_THAT(broken([&](auto*, auto* one) { one->loss_sum = nan; }), HasSubstr("loss"));
  EXPECT_THAT(MessageOf(SomeRetrieval(), 3), HasSubstr("classification"));
}

TEST(TaskCountsTest, SumsAreThoseOfAllSamplesTogether) {
  const TaskCounts a = RandomCounts(40, 3, 1), b = RandomCounts(25, 3, 2);
  const auto sum = SumCounts({a, b});
  ASSERT_TRUE(sum.ok()) << sum.status();
  EXPECT_TRUE(CheckCounts(*sum, 3).ok()) << CheckCounts(*sum, 3);
  EXPECT_EQ(sum->samples, 65);
  EXPECT_EQ(sum->classification->right, a.classification->right + b.classification->right);
  EXPECT_EQ(sum->classification->confusion[4],
            a.classification->confusion[4] + b.classification->confusion[4]);
  EXPECT_EQ(sum->classification->negatives[9],
            a.classification->negatives[9] + b.classification->negatives[9]);
  EXPECT_DOUBLE_EQ(sum->classification->loss_sum,
                   a.classification->loss_sum + b.classification->loss_sum);
  EXPECT_TRUE(sum->classification->auroc.empty()) << "exact ranks are lost";

  const auto pairs = SumCounts({SomeRetrieval(), SomeRetrieval()});
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  EXPECT_TRUE(CheckCounts(*pairs, 0).ok()) << CheckCounts(*pairs, 0);
  EXPECT_EQ(pairs->retrieval->t2i.hits5, 6);
  EXPECT_EQ(pairs->retrieval->loss_sum, 18);
}

TEST(TaskCountsTest, TheExactAurocStaysWhereOneAloneHasSamples) {
  const TaskCounts empty = RandomCounts(0, 3, 1), full = RandomCounts(30, 3, 2);
  for (const auto& counts : {std::vector{empty, full, empty}, std::vector{full, empty}}) {
    const auto sum = SumCounts(counts);
    ASSERT_TRUE(sum.ok()) << sum.status();
    EXPECT_EQ(sum->classification->auroc, full.classification->auroc);
  }
}

TEST(TaskCountsTest, NothingAndDifferentKindsCannotBeAdded) {
  EXPECT_EQ(SumCounts({}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(SumCounts({RandomCounts(4, 3, 1), RandomCounts(4, 2, 1)}).ok());
  EXPECT_FALSE(SumCounts({RandomCounts(4, 3, 1), SomeRetrieval()}).ok());
}

TEST(TaskCountsTest, RetrievalIsCountedInWholeHits) {
  // Three images, four captions; see RetrievalTest for ranks. Each caption lies on its image.
  const Gallery gallery{.dim = 3,
                        .images = {1, 0, 0, 0, 1, 0, 0, 0, 1},
                        .texts = {1, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0},
                        .image_of_text = {0, 1, 1, 2}};
  const RetrievalCounts counts = CountRetrieval(gallery);
  EXPECT_TRUE(CheckCounts({.samples = 4, .classification = {}, .retrieval = counts}, 0).ok());
  EXPECT_EQ(counts.i2t.hits1, 2) << "the caption of image 2 shows image 0";
  EXPECT_EQ(counts.t2i.hits1, 3);
  EXPECT_EQ(counts.t2i.hits5, 4);
  // With s = e^(1 / .07): text to image, three captions of s / (s + 2) and one of 1 / (s + 2).
  const double s = std::exp(1 / 0.07);
  const double texts = (4 * std::log(s + 2) - 3 * std::log(s)) / 4;
  const double images =
      (std::log((2 * s + 2) / s) + std::log((2 * s + 2) / (2 * s)) + std::log(4)) / 3;
  EXPECT_NEAR(counts.loss_sum, 4 * (texts + images) / 2, 1e-9);
}

}  // namespace
}  // namespace tributary
