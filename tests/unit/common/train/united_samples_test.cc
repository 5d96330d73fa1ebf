#include "common/train/united_samples.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/train/memory_samples.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<int64_t> ValuesOf(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.contiguous();
  return {flat.const_data_ptr<int64_t>(), flat.const_data_ptr<int64_t>() + flat.numel()};
}

// Texts of one token each, labelled 0, 1, ...
std::unique_ptr<Samples> Texts(const std::vector<int64_t>& tokens) {
  const auto count = static_cast<int64_t>(tokens.size());
  return std::make_unique<MemorySamples>(Modality::kText,
                                         Batch{.images = {},
                                               .tokens = at::tensor(tokens).reshape({count, 1}),
                                               .labels = at::arange(count)});
}

UnitedSamples ThreeSets() {
  std::vector<std::unique_ptr<Samples>> sets;
  sets.push_back(Texts({7, 3}));
  sets.push_back(Texts({5}));
  sets.push_back(Texts({9, 3, 8}));
  return UnitedSamples(std::move(sets));
}

TEST(UnitedSamplesTest, RowsOfAllSetsComeOneSetAfterTheOther) {
  const UnitedSamples samples = ThreeSets();
  EXPECT_EQ(samples.modality(), Modality::kText);
  ASSERT_EQ(samples.count(), 6);
  const auto all = samples.Gather({0, 1, 2, 3, 4, 5}, {}, nullptr);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_THAT(ValuesOf(all->tokens), ElementsAre(7, 3, 5, 9, 3, 8));
  EXPECT_THAT(ValuesOf(all->labels), ElementsAre(0, 1, 0, 0, 1, 2));
  EXPECT_FALSE(all->images.defined());
}

TEST(UnitedSamplesTest, ABatchIsGroupedBySetInTheOrderAskedFor) {
  const auto batch = ThreeSets().Gather({5, 1, 3, 0, 3}, {}, nullptr);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_THAT(ValuesOf(batch->tokens), ElementsAre(3, 7, 8, 9, 9));
}

TEST(UnitedSamplesTest, WordsAreThoseOfAllSetsEachOnceWithThePaddingFirst) {
  EXPECT_THAT(ThreeSets().word_rows(), ElementsAre(0, 3, 5, 7, 8, 9));
}

TEST(UnitedSamplesTest, ImagesOfTheSetsAreToldApart) {
  const auto pairs = [](const std::vector<int64_t>& image_of_row) {
    const auto count = static_cast<int64_t>(image_of_row.size());
    return std::make_unique<MemorySamples>(
        Modality::kPair,
        Batch{.images = at::arange(count).reshape({count, 1, 1, 1}).to(at::kFloat),
              .tokens = at::arange(count).reshape({count, 1}),
              .labels = {}},
        image_of_row);
  };
  std::vector<std::unique_ptr<Samples>> sets;
  sets.push_back(pairs({0, 1, 0}));
  sets.push_back(pairs({0, 0}));
  const UnitedSamples samples(std::move(sets));
  EXPECT_THAT(samples.image_of_row(), ElementsAre(0, 1, 0, 2, 2));
  const auto batch = samples.Gather({4, 0}, {}, nullptr);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ(batch->images.size(0), 2);
  EXPECT_FALSE(batch->labels.defined());
}

TEST(UnitedSamplesTest, TextsHaveNoImages) { EXPECT_THAT(ThreeSets().image_of_row(), IsEmpty()); }

}  // namespace
}  // namespace tributary
