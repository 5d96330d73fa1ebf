#include "preparation/datasets/captioned_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/preparation/datasets/dataset_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CaptionedImagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.Put("1.jpg", "");
    auto files = DatasetFiles::Open(folder_.path(), folder_.path());
    ASSERT_TRUE(files.ok()) << files.status();
    files_ = std::make_unique<DatasetFiles>(*std::move(files));
    finder_ = std::make_unique<ImageFinder>(files_.get(), &set_);
    origin_ = AddOrigin(&set_, "captions.txt");
  }
  absl::Status Add(CaptionedImage image) {
    return AddPairs(std::move(image), origin_, finder_.get(), &set_, &set_.train);
  }

  const DatasetFolder folder_{};
  SampleSet set_;
  std::unique_ptr<DatasetFiles> files_;
  std::unique_ptr<ImageFinder> finder_;
  int32_t origin_ = -1;
};

TEST_F(CaptionedImagesTest, EachCaptionIsASampleOfTheSameImage) {
  ASSERT_TRUE(Add({.file = "1.jpg", .captions = {{" A dog. ", 4}, {"Ein Hund", 5}}}).ok());
  EXPECT_THAT(PairsOf(set_, set_.train), ElementsAre("1.jpg: A dog.", "1.jpg: Ein Hund"));
  EXPECT_EQ(set_.images.size(), 1U);
  EXPECT_EQ(set_.train[1].line, 5);
  EXPECT_EQ(set_.train[1].origin, origin_);
}

TEST_F(CaptionedImagesTest, CaptionsThatAreNoTextAreListedAndTheOthersKept) {
  ASSERT_TRUE(Add({.file = "1.jpg", .captions = {{" \t", 1}, {"caf\xE9", 2}, {"kept", 3}}}).ok());
  EXPECT_THAT(PairsOf(set_, set_.train), ElementsAre("1.jpg: kept"));
  EXPECT_THAT(folder_.SkippedIn(set_), ElementsAre("captions.txt:1: empty caption of 1.jpg",
                                                   "captions.txt:2: broken UTF-8 at byte 4"));
}

TEST_F(CaptionedImagesTest, AMissingImageIsListedOnceWithItsFirstCaptionsLine) {
  ASSERT_TRUE(Add({.file = "2.jpg", .captions = {{"a", 7}, {"b", 8}}}).ok());
  ASSERT_TRUE(Add({.file = "3.jpg"}).ok());
  EXPECT_THAT(folder_.SkippedIn(set_), ElementsAre("captions.txt:7: image 2.jpg is not there",
                                                   "captions.txt: image 3.jpg is not there"));
  EXPECT_TRUE(set_.train.empty());
}

TEST_F(CaptionedImagesTest, OtherErrorsAreNoReasonToLeaveOut) {
  EXPECT_EQ(SkipMissing(&set_, "f", 1, absl::DataLossError("x")).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_TRUE(SkipMissing(&set_, "f", 1, absl::NotFoundError("x")).ok());
  EXPECT_EQ(set_.skipped.size(), 1U);
}

TEST_F(CaptionedImagesTest, AFileOfNothingButUnusableSamplesIsGivenUp) {
  set_.skipped.resize(kMostSkipped - 1);
  EXPECT_TRUE(Skip(&set_, "table.csv", 1, "the last that is listed").ok());
  const absl::Status status = Skip(&set_, "table.csv", 2, "empty text");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("table.csv: over 1000000 samples"));
  EXPECT_EQ(set_.skipped.size(), kMostSkipped);
}

}  // namespace
}  // namespace tributary
