#include "preparation/datasets/medmnist.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/preparation/datasets/dataset_folder.h"
#include "tests/unit/preparation/datasets/npy_bytes.h"
#include "tests/unit/preparation/files/archive_writer.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A set's arrays, as its .npz has them.
struct Arrays {
  std::vector<int64_t> image_shape = {2, 2};  // without the number of images
  std::string train_images = "aaaabbbbcccc", test_images = "dddd";
  std::vector<int64_t> label_shape = {1};
  std::string train_labels = std::string("\x02\x00\x07", 3), test_labels = std::string(1, '\x01');
};

class MedMnistTest : public ::testing::Test {
 protected:
  void Put(const std::string& name, const Arrays& arrays) const {
    const auto shaped = [](int64_t count, std::vector<int64_t> rest) {
      rest.insert(rest.begin(), count);
      return rest;
    };
    const std::string zip = folder_.path() + "/arrays.zip";
    WriteArchive(
        zip,
        {{"train_images.npy", NpyBytes("|u1", shaped(3, arrays.image_shape), arrays.train_images)},
         {"train_labels.npy", NpyBytes("|u1", shaped(3, arrays.label_shape), arrays.train_labels)},
         {"test_images.npy", NpyBytes("|u1", shaped(1, arrays.image_shape), arrays.test_images)},
         {"test_labels.npy", NpyBytes("|u1", shaped(1, arrays.label_shape), arrays.test_labels)}});
    std::filesystem::rename(zip, folder_.path() + "/" + name);
  }

  const DatasetFolder folder_{};
};

TEST_F(MedMnistTest, GreyImagesAreReadWithTheirLabels) {
  Put("organcmnist.npz", {});
  const auto set = ReadMedMnist(folder_.Source("organcmnist"));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->channels, 1);
  EXPECT_THAT(set->mean, ElementsAre(0.5F));
  ASSERT_EQ(set->train.size(), 3U);
  EXPECT_EQ(set->train[2].label, 7);
  EXPECT_EQ(PixelsOf(*set, set->train[1]), "bbbb");
  EXPECT_EQ(PixelsOf(*set, set->test[0]), "dddd");
  ASSERT_EQ(set->sources.size(), 1U);
  EXPECT_EQ(folder_.NameOf(set->sources[0].path), "organcmnist.npz");
}

TEST_F(MedMnistTest, ColoursHaveThreeChannelsAndTheDefaultIsTheFirstSet) {
  Put("pathmnist.npz",
      {.image_shape = {1, 1, 3}, .train_images = "rgbRGBxyz", .test_images = "uvw"});
  const auto set = ReadMedMnist(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->channels, 3);
  EXPECT_EQ(PixelsOf(*set, set->train[1]), "RGB");
  EXPECT_FALSE(set->raw.planar);
}

TEST_F(MedMnistTest, OfManyFindingsTheFirstIsTheClassAndNoneIsTheLast) {
  std::string findings(3 * 14, '\0');
  findings[3] = findings[9] = '\x01';  // the first image: 3 and 9; the second: none
  findings[2 * 14 + 13] = '\x01';
  Put("chestmnist.npz",
      {.label_shape = {14}, .train_labels = findings, .test_labels = std::string(14, '\0')});
  const auto set = ReadMedMnist(folder_.Source("chestmnist"));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->classes.size(), 15U);
  EXPECT_EQ(set->train[0].label, 3);
  EXPECT_EQ(set->train[1].label, 14);
  EXPECT_EQ(set->train[2].label, 13);
}

TEST_F(MedMnistTest, OfSeveralSizesThePlainOneIsTakenThenTheSmallest) {
  Put("organcmnist_128.npz", {.train_images = "111122223333"});
  Put("organcmnist_64.npz", {.train_images = "444455556666"});
  EXPECT_EQ(PixelsOf(*ReadMedMnist(folder_.Source("organcmnist")),
                     ReadMedMnist(folder_.Source("organcmnist"))->train[0]),
            "4444");
  Put("organcmnist.npz", {});
  EXPECT_EQ(PixelsOf(*ReadMedMnist(folder_.Source("organcmnist")),
                     ReadMedMnist(folder_.Source("organcmnist"))->train[0]),
            "aaaa");
}

TEST_F(MedMnistTest, TheRootMayBeTheFile) {
  Put("anything.npz", {});
  DatasetSource source = folder_.Source("organcmnist");
  source.root += "/anything.npz";
  EXPECT_TRUE(ReadMedMnist(source).ok());
}

TEST_F(MedMnistTest, ArraysThatDoNotFitAreRefusedByName) {
  const auto refusal = [&](const Arrays& arrays) {
    Put("organcmnist.npz", arrays);
    const absl::Status status = ReadMedMnist(folder_.Source("organcmnist")).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(refusal({.image_shape = {4}}),
              HasSubstr("organcmnist.npz/train_images.npy: an array of u1 [3, 4]"));
  EXPECT_THAT(refusal({.label_shape = {2}, .train_labels = "abcdef", .test_labels = "gh"}),
              HasSubstr("train_labels.npy: labels [3, 2]; expected [3, 1]"));
}

TEST_F(MedMnistTest, AMissingArrayIsToldWithThoseThatAreThere) {
  WriteArchive(folder_.path() + "/a.zip", {{"images.npy", NpyBytes("|u1", {1, 1, 1}, "x")}});
  std::filesystem::rename(folder_.path() + "/a.zip", folder_.path() + "/organcmnist.npz");
  EXPECT_THAT(std::string(ReadMedMnist(folder_.Source("organcmnist")).status().message()),
              HasSubstr("no array \"train_images\"; there are images.npy"));
}

TEST_F(MedMnistTest, AnArchiveWithinAnArchiveIsToBeUnpackedFirst) {
  WriteArchive(folder_.path() + "/all.zip", {{"organcmnist.npz", "PK"}});
  const absl::Status status = ReadMedMnist(folder_.Source("organcmnist")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("all.zip first"));
}

}  // namespace
}  // namespace tributary
