#include "preparation/datasets/cifar.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/preparation/datasets/dataset_folder.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

std::string Names(const std::string& kind, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) absl::StrAppend(&text, kind, i, "\n");
  return text;
}

std::string Record(int coarse, int fine, char pixel) {
  return std::string{static_cast<char>(coarse), static_cast<char>(fine)} + std::string(3072, pixel);
}

class CifarTest : public ::testing::Test {
 protected:
  CifarTest() {
    folder_.Put("coarse_label_names.txt", Names("coarse", 20));
    folder_.Put("fine_label_names.txt", Names("fine", 100));
    folder_.Put("train.bin", Record(3, 42, 'a') + Record(19, 99, 'b'));
    folder_.Put("test.bin", Record(0, 0, 'c'));
  }

  DatasetFolder folder_;
};

TEST_F(CifarTest, FineAndCoarseLabelsAreOfTheSameImages) {
  for (const std::string variant : {"", "fine", "coarse"}) {
    const auto set = ReadCifar100(folder_.Source(variant));
    ASSERT_TRUE(set.ok()) << set.status();
    ASSERT_EQ(set->train.size(), 2U);
    ASSERT_EQ(set->test.size(), 1U);
    const bool coarse = variant == "coarse";
    EXPECT_EQ(set->train[0].label, coarse ? 3 : 42);
    EXPECT_EQ(set->classes[static_cast<size_t>(set->train[1].label)],
              coarse ? "coarse19" : "fine99");
    EXPECT_EQ(PixelsOf(*set, set->train[0]), std::string(3072, 'a'));
    EXPECT_EQ(PixelsOf(*set, set->train[1]), std::string(3072, 'b'));
    EXPECT_EQ(PixelsOf(*set, set->test[0]), std::string(3072, 'c'));
    EXPECT_EQ(set->train[1].line, 2);
    EXPECT_TRUE(set->raw.planar);
  }
}

TEST_F(CifarTest, WhatWasReadIsNotedForTheManifest) {
  const auto set = ReadCifar100(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->sources.size(), 3U);
  EXPECT_THAT(set->sources[1].path, HasSubstr("train.bin"));
  EXPECT_EQ(set->sources[1].bytes, 2 * 3074U);
}

TEST_F(CifarTest, RecordsThatCannotBeTakenAreListedWithTheirNumber) {
  folder_.Put("train.bin", Record(3, 42, 'a') + Record(20, 100, 'b') + Record(1, 1, 'c') + "rest");
  const auto set = ReadCifar100(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->train.size(), 2U);
  EXPECT_EQ(PixelsOf(*set, set->train[1]), std::string(3072, 'c'));
  ASSERT_EQ(set->skipped.size(), 2U);
  EXPECT_EQ(set->skipped[0].line, 2);
  EXPECT_EQ(set->skipped[1].line, 4);
}

TEST_F(CifarTest, AFileShorterThanARecordIsDataLoss) {
  folder_.Put("test.bin", std::string(3073, 'x'));
  const absl::Status status = ReadCifar100(folder_.Source()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("test.bin: 3073 bytes"));
}

TEST_F(CifarTest, AnotherNumberOfNamesIsRefused) {
  folder_.Put("fine_label_names.txt", Names("fine", 99));
  EXPECT_THAT(std::string(ReadCifar100(folder_.Source()).status().message()),
              HasSubstr("99 names of classes; 100 were expected"));
  EXPECT_TRUE(ReadCifar100(folder_.Source("coarse")).ok());
}

TEST(Cifar10Test, FiveBatchesTrainInTheirOrder) {
  const DatasetFolder folder;
  folder.Put("batches.meta.txt", Names("class", 10) + "\n");
  for (int i = 1; i <= 5; ++i) {
    folder.Put(
        absl::StrCat("data_batch_", i, ".bin"),
        std::string(1, static_cast<char>(i)) + std::string(3072, static_cast<char>('a' + i)));
  }
  folder.Put("test_batch.bin", std::string(1, '\x09') + std::string(3072, 'z'));
  const auto set = ReadCifar10(folder.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->train.size(), 5U);
  EXPECT_EQ(set->train[3].label, 4);
  EXPECT_EQ(PixelsOf(*set, set->train[3]), std::string(3072, 'e'));
  EXPECT_EQ(set->classes[static_cast<size_t>(set->test[0].label)], "class9");
  EXPECT_EQ(set->channels, 3);
}

}  // namespace
}  // namespace tributary
