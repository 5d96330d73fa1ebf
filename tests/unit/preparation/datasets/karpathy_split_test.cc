#include "preparation/datasets/karpathy_split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/preparation/datasets/dataset_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class KarpathySplitTest : public ::testing::Test {
 protected:
  LocatedFile Put(const std::string& json) const {
    folder_.Put("dataset.json", json);
    return {FileTree::OfFolder(folder_.path(), {"dataset.json"}), 0, ""};
  }
  absl::Status Add(const LocatedFile& file) {
    auto files = DatasetFiles::Open(folder_.path(), folder_.path());
    EXPECT_TRUE(files.ok()) << files.status();
    ImageFinder finder(&*files, &set_);
    return AddKarpathySplit(file, &finder, &set_);
  }

  const DatasetFolder folder_{};
  SampleSet set_;
};

TEST_F(KarpathySplitTest, ImagesComeWithFolderSplitAndCaptions) {
  const auto images = ReadKarpathyImages(Put(R"({"images": [
            {"filepath": "val2014", "filename": "1.jpg", "split": "test",
             "sentences": [{"raw": "one", "tokens": ["x"]}, {"raw": "two"}]},
            {"filename": "2.jpg", "split": "restval"}]})"),
                                         &set_);
  ASSERT_TRUE(images.ok()) << images.status();
  ASSERT_EQ(images->size(), 2U);
  EXPECT_EQ((*images)[0].file, "val2014/1.jpg");
  EXPECT_EQ((*images)[0].split, "test");
  ASSERT_EQ((*images)[0].captions.size(), 2U);
  EXPECT_EQ((*images)[0].captions[1].text, "two");
  EXPECT_EQ((*images)[1].file, "2.jpg");
  EXPECT_TRUE((*images)[1].captions.empty());
  EXPECT_EQ(set_.sources.size(), 1U);
}

TEST_F(KarpathySplitTest, ImagesWithoutNameOrSplitAreListedByNumber) {
  const auto images = ReadKarpathyImages(
      Put(R"({"images": [{"filename": "1.jpg"}, 7, {"filename": "3.jpg", "split": "val"},
                         {"filepath": "a", "split": "val"}]})"),
      &set_);
  ASSERT_TRUE(images.ok()) << images.status();
  EXPECT_EQ(images->size(), 1U);
  EXPECT_THAT(folder_.SkippedIn(set_),
              ElementsAre("dataset.json: image 1: without \"filename\" or \"split\"",
                          "dataset.json: image 2: without \"filename\" or \"split\"",
                          "dataset.json: image 4: without \"filename\" or \"split\""));
}

TEST_F(KarpathySplitTest, TrainAndRestvalTrainTestTestsAndValIsLeftOut) {
  for (const char* name : {"1.jpg", "2.jpg", "3.jpg", "4.jpg"}) folder_.Put(name, "");
  const absl::Status status = Add(Put(R"({"images": [
      {"filename": "1.jpg", "split": "train", "sentences": [{"raw": "a"}]},
      {"filename": "2.jpg", "split": "val", "sentences": [{"raw": "b"}]},
      {"filename": "3.jpg", "split": "test", "sentences": [{"raw": "c"}]},
      {"filename": "4.jpg", "split": "restval", "sentences": [{"raw": "d"}]},
      {"filename": "1.jpg", "split": "dev", "sentences": [{"raw": "e"}]}]})"));
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(PairsOf(set_, set_.train), ElementsAre("1.jpg: a", "4.jpg: d"));
  EXPECT_THAT(PairsOf(set_, set_.test), ElementsAre("3.jpg: c"));
  EXPECT_THAT(folder_.SkippedIn(set_),
              ElementsAre("dataset.json: image 1.jpg: split \"dev\"; expected train, restval, val "
                          "or test"));
}

TEST_F(KarpathySplitTest, AFileWithoutImagesIsRefused) {
  const absl::Status status = Add(Put(R"({"annotations": []})"));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("has no array \"images\""));
}

}  // namespace
}  // namespace tributary
