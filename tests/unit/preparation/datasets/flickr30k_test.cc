#include "preparation/datasets/flickr30k.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/preparation/datasets/dataset_folder.h"
#include "tests/unit/preparation/datasets/npy_bytes.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Flickr30kTest : public ::testing::Test {
 protected:
  // `images` of two captions each in results.csv, as the publisher has it.
  void PutCsv(int images) const {
    std::string csv = "image_name| comment_number| comment\n";
    for (int i = 0; i < images; ++i) {
      folder_.Put(absl::StrCat("flickr30k-images/", i, ".jpg"), "");
      absl::StrAppend(&csv, i, ".jpg| 0| \"a\" of ", i, "\n", i, ".jpg| 1| b, of ", i, "\n");
    }
    folder_.Put("results.csv", csv);
  }
  static std::set<std::string> ImagesOf(const SampleSet& set, const std::vector<Sample>& part) {
    std::set<std::string> images;
    for (const Sample& sample : part) images.insert(ImageNameOf(set, sample));
    return images;
  }

  const DatasetFolder folder_{};
};

TEST_F(Flickr30kTest, EveryCaptionOfTheCsvIsReadAsItStands) {
  PutCsv(2);
  DatasetSource source = folder_.Source("split");
  source.test_share = 1e-9;
  const auto set = ReadFlickr30k(source);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(PairsOf(*set, set->train),
              ElementsAre("flickr30k-images/0.jpg: \"a\" of 0", "flickr30k-images/0.jpg: b, of 0",
                          "flickr30k-images/1.jpg: \"a\" of 1", "flickr30k-images/1.jpg: b, of 1"));
  EXPECT_EQ(set->train[2].line, 4);
}

TEST_F(Flickr30kTest, TheTokenFileIsReadAlike) {
  folder_.Put("1.jpg", "");
  folder_.Put("results_20130124.token",
              "1.jpg#0\tTwo dogs .\n1.jpg#1\tA | in it\n1.jpg#0\tagain\n");
  DatasetSource source = folder_.Source();
  source.test_share = 1e-9;
  const auto set = ReadFlickr30k(source);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(PairsOf(*set, set->train), ElementsAre("1.jpg: Two dogs .", "1.jpg: A | in it"));
  EXPECT_THAT(folder_.SkippedIn(*set),
              ElementsAre("results_20130124.token:3: caption 0 of 1.jpg for the second time"));
}

TEST_F(Flickr30kTest, ADrawnShareOfTheImagesTestsWithAllTheirCaptions) {
  PutCsv(100);
  DatasetSource source = folder_.Source("split");
  source.test_share = 0.3;
  const auto set = ReadFlickr30k(source), again = ReadFlickr30k(source);
  ASSERT_TRUE(set.ok() && again.ok()) << set.status();
  const std::set<std::string> test = ImagesOf(*set, set->test);
  EXPECT_GT(test.size(), 15U);
  EXPECT_LT(test.size(), 45U);
  EXPECT_EQ(set->test.size(), 2 * test.size());
  EXPECT_EQ(set->train.size(), 200 - 2 * test.size());
  EXPECT_EQ(ImagesOf(*again, again->test), test);
  source.seed = 2;
  const auto other = ReadFlickr30k(source);
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_NE(ImagesOf(*other, other->test), test);
}

TEST_F(Flickr30kTest, TheReleaseTakesTheImagesThatIdFilesNameInTheirOrder) {
  PutCsv(5);
  folder_.Put("train.npy", NpyIds({4, 77, 0}));
  folder_.Put("test.npy", NpyIds({3}));
  DatasetSource source = folder_.Source("release");
  source.train_ids = folder_.path() + "/train.npy";
  source.test_ids = folder_.path() + "/test.npy";
  const auto set = ReadFlickr30k(source);
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->train.size(), 4U);
  EXPECT_EQ(ImageNameOf(*set, set->train[0]), "flickr30k-images/4.jpg");
  EXPECT_EQ(ImageNameOf(*set, set->train[2]), "flickr30k-images/0.jpg");
  EXPECT_THAT(ImagesOf(*set, set->test), ElementsAre("flickr30k-images/3.jpg"));
  EXPECT_THAT(folder_.SkippedIn(*set), ElementsAre("train.npy: image 77 has no captions"));
}

TEST_F(Flickr30kTest, WithIdsOfOnePartTheReleaseDealsTheRestToTheOther) {
  PutCsv(5);
  folder_.Put("test.npy", NpyIds({1, 3}));
  DatasetSource source = folder_.Source("release");
  source.test_ids = folder_.path() + "/test.npy";
  const auto set = ReadFlickr30k(source);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(
      ImagesOf(*set, set->train),
      ElementsAre("flickr30k-images/0.jpg", "flickr30k-images/2.jpg", "flickr30k-images/4.jpg"));
  EXPECT_THAT(ImagesOf(*set, set->test),
              ElementsAre("flickr30k-images/1.jpg", "flickr30k-images/3.jpg"));
}

TEST_F(Flickr30kTest, WithoutAVariantKarpathysSplitIsTakenIfItIsThere) {
  PutCsv(2);
  folder_.Put(
      "dataset_flickr30k.json",
      R"({"images": [{"filename": "0.jpg", "split": "test", "sentences": [{"raw": "k"}]}]})");
  const auto set = ReadFlickr30k(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(PairsOf(*set, set->test), ElementsAre("flickr30k-images/0.jpg: k"));
  EXPECT_TRUE(set->train.empty());
}

TEST_F(Flickr30kTest, KarpathysSplitIsMissingIfItIsAskedFor) {
  PutCsv(1);
  const absl::Status status = ReadFlickr30k(folder_.Source("karpathy")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("dataset_flickr30k.json"));
}

}  // namespace
}  // namespace tributary
