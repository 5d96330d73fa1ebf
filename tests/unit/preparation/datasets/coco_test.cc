#include "preparation/datasets/coco.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/preparation/datasets/dataset_folder.h"
#include "tests/unit/preparation/datasets/npy_bytes.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CocoTest : public ::testing::Test {
 protected:
  CocoTest() {
    for (const char* year : {"2014", "2017"}) {
      const std::string train = absl::StrCat("train", year), val = absl::StrCat("val", year);
      folder_.Put(train + "/1.jpg", "");
      folder_.Put(train + "/2.jpg", "");
      folder_.Put(val + "/1.jpg", "");  // another picture of the same name
      folder_.Put(
          absl::StrCat("annotations/captions_", train, ".json"),
          R"({"images": [{"id": 10, "file_name": "1.jpg"}, {"id": 20, "file_name": "2.jpg"}],
                      "annotations": [{"id": 100, "image_id": 10, "caption": "one"},
                                      {"id": 101, "image_id": 20, "caption": "two "},
                                      {"id": 102, "image_id": 10, "caption": "again one"}]})");
      folder_.Put(absl::StrCat("annotations/captions_", val, ".json"),
                  R"({"annotations": [{"id": 200, "image_id": 10, "caption": "held out"}],
                      "images": [{"id": 10, "file_name": "1.jpg"}]})");
    }
  }

  const DatasetFolder folder_{};
};

TEST_F(CocoTest, CaptionsOfTrainTrainAndThoseOfValTest) {
  for (const char* variant : {"", "2014", "2017"}) {
    const auto set = ReadCoco(folder_.Source(variant));
    ASSERT_TRUE(set.ok()) << set.status();
    const std::string year = *variant == '\0' ? "2014" : variant;
    EXPECT_THAT(PairsOf(*set, set->train),
                ElementsAre("train" + year + "/1.jpg: one", "train" + year + "/2.jpg: two",
                            "train" + year + "/1.jpg: again one"));
    EXPECT_THAT(PairsOf(*set, set->test), ElementsAre("val" + year + "/1.jpg: held out"));
    EXPECT_EQ(set->images.size(), 3U);
    EXPECT_TRUE(set->skipped.empty());
  }
}

TEST_F(CocoTest, FilesOfIdsChooseCaptionsOfEitherFileAndTheirOrder) {
  folder_.Put("train_ids.npy", NpyIds({200, 102, 999, 100}));
  folder_.Put("test_ids.npy", NpyIds({101}));
  DatasetSource source = folder_.Source("2014");
  source.train_ids = folder_.path() + "/train_ids.npy";
  source.test_ids = folder_.path() + "/test_ids.npy";
  const auto set = ReadCoco(source);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(
      PairsOf(*set, set->train),
      ElementsAre("val2014/1.jpg: held out", "train2014/1.jpg: again one", "train2014/1.jpg: one"));
  EXPECT_THAT(PairsOf(*set, set->test), ElementsAre("train2014/2.jpg: two"));
  EXPECT_THAT(folder_.SkippedIn(*set), ElementsAre("train_ids.npy: annotation 999 is unknown"));
}

TEST_F(CocoTest, WhatDoesNotFitTogetherIsListed) {
  folder_.Put("annotations/captions_train2014.json",
              R"({"images": [{"id": 10, "file_name": "1.jpg"}, {"id": 10, "file_name": "2.jpg"},
                             {"id": 30, "file_name": "gone.jpg"}, {"file_name": "2.jpg"}],
                  "annotations": [{"id": 1, "image_id": 10, "caption": "kept"},
                                  {"id": 1, "image_id": 10, "caption": "twice"},
                                  {"id": 2, "image_id": 20, "caption": "of no image"},
                                  {"id": 3, "image_id": 30, "caption": "of a missing one"},
                                  {"id": 4, "image_id": 10, "caption": "  "},
                                  {"id": 5, "caption": "of none"}]})");
  const auto set = ReadCoco(folder_.Source("2014"));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(PairsOf(*set, set->train), ElementsAre("train2014/1.jpg: kept"));
  EXPECT_THAT(folder_.SkippedIn(*set),
              ElementsAre(HasSubstr("image 10 for the second time"),
                          HasSubstr("an image without \"id\" or \"file_name\""),
                          HasSubstr("annotation 1 for the second time"),
                          HasSubstr("an annotation without \"id\" or \"image_id\""),
                          HasSubstr("annotation 2: image 20 is not among \"images\""),
                          HasSubstr("annotation 3: image train2014/gone.jpg is not there"),
                          HasSubstr("annotation 4: empty caption of train2014/1.jpg")));
}

TEST_F(CocoTest, KarpathysSplitTakesNoIds) {
  folder_.Put("dataset_coco.json",
              R"({"images": [{"filepath": "val2014", "filename": "1.jpg", "split": "test",
                              "sentences": [{"raw": "his"}]},
                             {"filepath": "train2014", "filename": "2.jpg", "split": "train",
                              "sentences": [{"raw": "hers"}]}]})");
  const auto set = ReadCoco(folder_.Source("karpathy"));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(PairsOf(*set, set->train), ElementsAre("train2014/2.jpg: hers"));
  EXPECT_THAT(PairsOf(*set, set->test), ElementsAre("val2014/1.jpg: his"));
  DatasetSource source = folder_.Source("karpathy");
  source.test_ids = "ids.npy";
  const absl::Status status = ReadCoco(source).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("use variant 2014"));
}

TEST_F(CocoTest, WithoutAVariantTheFirstWhoseFileIsThereIsRead) {
  std::filesystem::remove(folder_.path() + "/annotations/captions_train2014.json");
  const auto set = ReadCoco(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(PairsOf(*set, set->test), ElementsAre("val2017/1.jpg: held out"));
}

}  // namespace
}  // namespace tributary
