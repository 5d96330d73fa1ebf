#include "common/train/memory_samples.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

at::Tensor Whole(const std::vector<int64_t>& values) { return at::tensor(values, at::kLong); }

TEST(WordRowsTest, AreDistinctSortedAndBeginWithPadding) {
  EXPECT_THAT(WordRowsOf(Whole({7, 3, 7, 5}).reshape({2, 2})), ElementsAre(0, 3, 5, 7));
  EXPECT_THAT(WordRowsOf(Whole({0, 0}).reshape({1, 2})), ElementsAre(0));
}

TEST(WordRowsTest, AreThoseOfAViewAsWell) {
  EXPECT_THAT(WordRowsOf(Whole({1, 2, 3, 4}).reshape({2, 2}).t().narrow(0, 1, 1)),
              ElementsAre(0, 2, 4));
}

TEST(MemorySamplesTest, UniModalSamplesHaveLabelsAndNoImageNumbers) {
  const MemorySamples samples(
      Modality::kImage,
      {.images = at::zeros({3, 1, 2, 2}), .tokens = {}, .labels = Whole({2, 1, 0})});
  EXPECT_EQ(samples.modality(), Modality::kImage);
  EXPECT_EQ(samples.count(), 3);
  EXPECT_THAT(samples.image_of_row(), IsEmpty());
  EXPECT_THAT(samples.word_rows(), IsEmpty());
  const auto batch = samples.Gather({2, 0, 2}, {}, nullptr);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_TRUE(batch->labels.equal(Whole({0, 2, 0})));
  EXPECT_FALSE(batch->tokens.defined());
}

TEST(MemorySamplesTest, TextsAreCountedByTheirTokens) {
  const MemorySamples samples(
      Modality::kText, {.images = {}, .tokens = Whole({1, 2, 3, 4}).reshape({2, 2}), .labels = {}});
  EXPECT_EQ(samples.count(), 2);
  EXPECT_THAT(samples.word_rows(), ElementsAre(0, 1, 2, 3, 4));
}

TEST(MemorySamplesTest, EachPairHasAnImageOfItsOwnUnlessTold) {
  const Batch all = {
      .images = at::zeros({3, 1, 2, 2}), .tokens = Whole({1, 2, 3}).reshape({3, 1}), .labels = {}};
  EXPECT_THAT(MemorySamples(Modality::kPair, all).image_of_row(), ElementsAre(0, 1, 2));
  EXPECT_THAT(MemorySamples(Modality::kPair, all, {0, 0, 1}).image_of_row(), ElementsAre(0, 0, 1));
}

TEST(MemorySamplesTest, RowsAreCopies) {
  const MemorySamples samples(
      Modality::kImage,
      {.images = at::arange(8.0F).reshape({2, 1, 2, 2}), .tokens = {}, .labels = {}});
  samples.Gather({1}, {}, nullptr)->images.zero_();
  EXPECT_EQ(samples.Gather({1}, {}, nullptr)->images.sum().item<float>(), 22);
}

TEST(MemorySamplesTest, NothingIsAugmented) {
  const MemorySamples samples(
      Modality::kImage,
      {.images = at::arange(8.0F).reshape({2, 1, 2, 2}), .tokens = {}, .labels = {}});
  RandomStream stream(1, "augmentation");
  const auto batch = samples.Gather({0, 1}, {.horizontal_flip = 1, .brightness = 0.9}, &stream);
  ASSERT_TRUE(batch.ok());
  EXPECT_TRUE(batch->images.equal(at::arange(8.0F).reshape({2, 1, 2, 2})));
}

}  // namespace
}  // namespace tributary
