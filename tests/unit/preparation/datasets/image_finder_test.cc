#include "preparation/datasets/image_finder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/preparation/datasets/dataset_folder.h"
#include "tests/unit/preparation/files/archive_writer.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ImageFinderTest : public ::testing::Test {
 protected:
  // Opens what was put into the folder so far.
  ImageFinder& Finder() {
    if (finder_ == nullptr) {
      auto files = DatasetFiles::Open(folder_.path(), folder_.path());
      EXPECT_TRUE(files.ok()) << files.status();
      files_ = std::make_unique<DatasetFiles>(*std::move(files));
      finder_ = std::make_unique<ImageFinder>(files_.get(), &set_);
    }
    return *finder_;
  }
  // The file that image number `number` is, or why there is none.
  std::string FileOf(const absl::StatusOr<int64_t>& number) const {
    if (!number.ok()) return number.status().ToString();
    Sample sample;
    sample.image = *number;
    return ImageNameOf(set_, sample);
  }

  const DatasetFolder folder_{};
  SampleSet set_;
  std::unique_ptr<DatasetFiles> files_;
  std::unique_ptr<ImageFinder> finder_;
};

TEST_F(ImageFinderTest, AnImageIsPutIntoTheSetOnceHoweverItIsSpelt) {
  folder_.Put("train/1.jpg", "1");
  folder_.Put("train/2.jpg", "2");
  EXPECT_EQ(*Finder().Find("train/1.jpg"), 0);
  EXPECT_EQ(*Finder().Find("train/2.jpg"), 1);
  EXPECT_EQ(*Finder().Find("./train/1.jpg"), 0);
  EXPECT_EQ(*Finder().Find("train\\1.jpg"), 0);
  EXPECT_EQ(*Finder().Find("train/x/../1.jpg"), 0);
  EXPECT_EQ(*Finder().Find("1.jpg"), 0);  // the same file by a shorter name
  EXPECT_EQ(set_.images.size(), 2U);
  EXPECT_EQ(set_.trees.size(), 1U);
}

TEST_F(ImageFinderTest, FoldersAndArchivesAreLookedThrough) {
  folder_.Put("deep/images/1.jpg", "1");
  WriteArchive(folder_.path() + "/more.zip", {{"in/2.jpg", "2"}});
  EXPECT_EQ(FileOf(Finder().Find("1.jpg")), "deep/images/1.jpg");
  EXPECT_EQ(FileOf(Finder().Find("2.jpg")), "in/2.jpg");
  EXPECT_EQ(set_.trees.size(), 2U);
}

TEST_F(ImageFinderTest, ThePlaceThatWasNamedIsLookedAtFirst) {
  folder_.Put("1.jpg", "another");
  const auto tree = FileTree::OfFolder(folder_.path(), {"wanted/1.jpg"});
  Finder().LookIn(tree, "wanted/");
  EXPECT_EQ(FileOf(Finder().Find("1.jpg")), "wanted/1.jpg");
}

TEST_F(ImageFinderTest, KeptToOnePlaceAnImageOfTheSameNameElsewhereIsNotTaken) {
  folder_.Put("a/1.png", "");
  folder_.Put("old/a/2.png", "");
  Finder().KeepToOnePlace();
  EXPECT_EQ(FileOf(Finder().Find("a/1.png")), "a/1.png");
  EXPECT_EQ(Finder().Find("a/2.png").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ImageFinderTest, AMissingImageIsNamedAndRemembered) {
  folder_.Put("1.jpg", "");
  ASSERT_TRUE(Finder().Find("1.jpg").ok());
  const absl::Status status = Finder().Find("gone.jpg").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "image gone.jpg is not there");
  EXPECT_EQ(Finder().Find("./gone.jpg").status(), status);
}

TEST_F(ImageFinderTest, IfNoneOfManyIsThereTheImagesAreMissingAltogether) {
  folder_.Put("captions.txt", "");
  absl::Status status;
  for (size_t i = 0; i < ImageFinder::kMostSearches; ++i) {
    EXPECT_NE(status.code(), absl::StatusCode::kFailedPrecondition) << i;
    status = Finder().Find(absl::StrCat(i, ".jpg")).status();
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(folder_.path()), HasSubstr("the first is 0.jpg")));
}

TEST_F(ImageFinderTest, AfterManyMissesOnlyProvenPlacesAreLookedAt) {
  folder_.Put("known/1.jpg", "");
  folder_.Put("known/2.jpg", "");
  folder_.Put("unknown/3.jpg", "");
  ASSERT_TRUE(Finder().Find("1.jpg").ok());
  for (size_t i = 0; i < ImageFinder::kMostSearches; ++i) {
    EXPECT_EQ(Finder().Find(absl::StrCat("gone-", i, ".jpg")).status().code(),
              absl::StatusCode::kNotFound);
  }
  EXPECT_TRUE(Finder().Find("2.jpg").ok());
  EXPECT_EQ(Finder().Find("3.jpg").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace tributary
