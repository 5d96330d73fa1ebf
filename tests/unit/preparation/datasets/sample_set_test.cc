#include "preparation/datasets/sample_set.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/hash.h"
#include "tests/unit/preparation/datasets/dataset_folder.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

TEST(DatasetReadersTest, EachHasANameOfItsOwnAndAllThatIsShownOfIt) {
  std::set<std::string> names;
  for (const DatasetReader& reader : DatasetReaders()) {
    EXPECT_TRUE(names.insert(reader.name).second) << reader.name;
    EXPECT_FALSE(reader.summary.empty()) << reader.name;
    EXPECT_FALSE(reader.licence.empty()) << reader.name;
    EXPECT_NE(reader.read, nullptr) << reader.name;
    EXPECT_EQ(*FindDatasetReader(reader.name), &reader);
  }
}

TEST(DatasetReadersTest, CaseAndSeparatorsDoNotMatter) {
  for (const char* name : {"cifar-100", "CIFAR100", "Cifar 100", "cifar_100"}) {
    const auto reader = FindDatasetReader(name);
    ASSERT_TRUE(reader.ok()) << name;
    EXPECT_EQ((*reader)->name, "cifar-100");
  }
}

TEST(DatasetReadersTest, AnUnknownNameIsToldTheKnownOnes) {
  const absl::Status status = FindDatasetReader("imagenet").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("\"imagenet\" is unknown; known are icon-names"));
}

TEST(CheckSourceTest, WhatAReaderDoesNotHaveIsRefusedByName) {
  const auto refusal = [](const std::string& dataset, const DatasetSource& source) {
    const absl::Status status = CheckSource(**FindDatasetReader(dataset), source);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(refusal("cifar-100", {.variant = "rough"}),
              HasSubstr("dataset cifar-100 has no variant \"rough\"; it has fine, coarse"));
  EXPECT_THAT(refusal("mnist", {.variant = "fine"}), HasSubstr("it has none"));
  EXPECT_THAT(refusal("cifar-100", {.train_ids = "a.npy"}), HasSubstr("takes no ids"));
  EXPECT_THAT(refusal("cifar-100", {.test_ids = "a.npy"}), HasSubstr("takes no ids"));
  EXPECT_THAT(refusal("coco", {.columns = {{"text", "caption"}}}), HasSubstr("no columns"));
}

TEST(CheckSourceTest, WhatAReaderHasIsTaken) {
  EXPECT_TRUE(CheckSource(**FindDatasetReader("cifar-100"), {.variant = "coarse"}).ok());
  EXPECT_TRUE(CheckSource(**FindDatasetReader("coco"), {.test_ids = "a.npy"}).ok());
  EXPECT_TRUE(CheckSource(**FindDatasetReader("csv"), {.columns = {{"text", "caption"}}}).ok());
}

TEST(ReadSourceFileTest, AFileThatIsReadIsNotedWithSizeAndDigest) {
  const DatasetFolder folder;
  folder.Put("labels.csv", "content");
  SampleSet set;
  const auto tree = FileTree::OfFolder(folder.path(), {"labels.csv"});
  EXPECT_EQ(*ReadSourceFile(*tree, 0, &set), "content");
  ASSERT_EQ(set.sources.size(), 1U);
  EXPECT_EQ(folder.NameOf(set.sources[0].path), "labels.csv");
  EXPECT_EQ(set.sources[0].bytes, 7U);
  EXPECT_EQ(set.sources[0].sha256, Sha256Hex("content"));
}

TEST(CheckSourceTest, AnEncodingIsForYourOwnFilesAndMustBeKnown) {
  DatasetSource source;
  source.encoding = "latin1";
  EXPECT_TRUE(CheckSource(**FindDatasetReader("csv"), source).ok());
  EXPECT_THAT(std::string(CheckSource(**FindDatasetReader("ag-news"), source).message()),
              HasSubstr("--encoding"));
  source.encoding = "utf-nine";
  EXPECT_FALSE(CheckSource(**FindDatasetReader("csv"), source).ok());
}

}  // namespace
}  // namespace tributary
