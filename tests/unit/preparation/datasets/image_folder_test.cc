#include "preparation/datasets/image_folder.h"

#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/preparation/datasets/dataset_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;

std::string FileOf(const SampleSet& set, const Sample& sample) {
  const ImageSource& image = set.images[static_cast<size_t>(sample.image)];
  return set.trees[image.tree]->names()[image.file];
}

TEST(ImageFolderTest, PartsAndClassesAreFolders) {
  const DatasetFolder folder;
  folder.Put("train/dog/1.jpg", "");
  folder.Put("train/cat/2.PNG", "");
  folder.Put("val/cat/3.jpeg", "");
  folder.Put("val/emu/4.jpg", "");
  folder.Put("val/cat/readme.md", "");
  const auto set = ReadImageFolder(folder.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(set->classes, ElementsAre("cat", "dog"));
  ASSERT_EQ(set->train.size(), 2U);
  EXPECT_EQ(FileOf(*set, set->train[1]), "train/dog/1.jpg");
  EXPECT_EQ(set->train[1].label, 1);
  ASSERT_EQ(set->test.size(), 1U);
  EXPECT_EQ(FileOf(*set, set->test[0]), "val/cat/3.jpeg");
  EXPECT_EQ(set->skipped.size(), 2U);
}

TEST(ImageFolderTest, WithoutPartsAShareIsDrawnBySeed) {
  const DatasetFolder folder;
  for (int i = 0; i < 200; ++i) folder.Put(absl::StrCat("class", i % 2, "/", i, ".png"), "");
  DatasetSource source = folder.Source();
  source.test_share = 0.2;
  const auto once = ReadImageFolder(source), again = ReadImageFolder(source);
  ASSERT_TRUE(once.ok() && again.ok()) << once.status();
  EXPECT_EQ(once->train.size() + once->test.size(), 200U);
  EXPECT_GT(once->test.size(), 20U);
  EXPECT_LT(once->test.size(), 60U);
  ASSERT_EQ(once->test.size(), again->test.size());
  for (size_t i = 0; i < once->test.size(); ++i) {
    EXPECT_EQ(FileOf(*once, once->test[i]), FileOf(*again, again->test[i]));
  }
  source.seed = 2;
  const auto other = ReadImageFolder(source);
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_NE(FileOf(*once, once->test[0]) + FileOf(*once, once->test[1]),
            FileOf(*other, other->test[0]) + FileOf(*other, other->test[1]));
}

TEST(ImageFolderTest, AShareThatIsNoneIsRefused) {
  const DatasetFolder folder;
  folder.Put("cat/1.png", "");
  for (const double share : {-0.1, 1.0, std::numeric_limits<double>::quiet_NaN()}) {
    DatasetSource source = folder.Source();
    source.test_share = share;
    EXPECT_EQ(ReadImageFolder(source).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(ImageFolderTest, AnEmptyFolderIsNotFound) {
  const DatasetFolder folder;
  EXPECT_EQ(ReadImageFolder(folder.Source()).status().code(), absl::StatusCode::kNotFound);
}

TEST(ImageFolderEncodingTest, ANameThatIsNotUtf8IsReadByItsEncodingOrRefused) {
  const DatasetFolder folder;
  folder.Put("train/B\xe4r/1.png", "");
  folder.Put("test/Ba\xcc\x88r/1.png", "");  // the same letters, taken apart
  const absl::Status status = ReadImageFolder(folder.Source()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("--encoding"));
  DatasetSource source = folder.Source();
  source.encoding = "latin1";
  const auto set = ReadImageFolder(source);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(set->classes, ::testing::ElementsAre("B\xc3\xa4r"));
  EXPECT_EQ(set->test.size(), 1U);
}

}  // namespace
}  // namespace tributary
