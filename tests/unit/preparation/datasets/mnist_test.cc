#include "preparation/datasets/mnist.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/preparation/datasets/dataset_folder.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

std::string Images(const std::string& pixels) {  // of 1 x 2
  return std::string{0, 0, 8, 3, 0, 0, 0, static_cast<char>(pixels.size() / 2),
                     0, 0, 0, 1, 0, 0, 0, 2} +
         pixels;
}

std::string Labels(const std::string& labels) {
  return std::string{0, 0, 8, 1, 0, 0, 0, static_cast<char>(labels.size())} + labels;
}

class MnistTest : public ::testing::Test {
 protected:
  MnistTest() {
    folder_.Put("a/train-images-idx3-ubyte", Images("aabbcc"));
    folder_.Put("a/train-labels-idx1-ubyte", Labels({9, 0, 10}));
    folder_.Put("a/t10k-images-idx3-ubyte", Images("dd"));
    folder_.Put("a/t10k-labels-idx1-ubyte", Labels({1}));
  }

  DatasetFolder folder_;
};

TEST_F(MnistTest, ImagesAndLabelsGoTogether) {
  const auto set = ReadFashionMnist(folder_.Source());
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ(set->train.size(), 2U);
  EXPECT_EQ(set->classes[static_cast<size_t>(set->train[0].label)], "Ankle boot");
  EXPECT_EQ(PixelsOf(*set, set->train[0]), "aa");
  EXPECT_EQ(PixelsOf(*set, set->train[1]), "bb");
  EXPECT_EQ(PixelsOf(*set, set->test[0]), "dd");
  EXPECT_EQ(set->channels, 1);
  ASSERT_EQ(set->skipped.size(), 1U);
  EXPECT_EQ(set->skipped[0].line, 3);
}

TEST_F(MnistTest, AFileThatIsMissingIsNamed) {
  std::filesystem::remove(folder_.Source().root + "/a/t10k-labels-idx1-ubyte");
  const auto set = ReadMnist(folder_.Source());
  EXPECT_EQ(set.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(set.status().message()), HasSubstr("t10k-labels-idx1-ubyte"));
}

TEST_F(MnistTest, LabelsOfAnotherNumberAreRefused) {
  folder_.Put("a/t10k-labels-idx1-ubyte", Labels({1, 2}));
  EXPECT_EQ(ReadMnist(folder_.Source()).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace tributary
