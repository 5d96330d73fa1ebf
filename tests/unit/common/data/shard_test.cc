#include "common/data/shard.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "preparation/shards/shard_writer.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr int64_t kSize = 4;

std::vector<uint8_t> Grey(uint8_t value) { return std::vector<uint8_t>(kSize * kSize * 3, value); }

class ShardTest : public testing::Test {
 protected:
  // Rows 0 and 2 show image 1, row 1 image 0; the second text is empty.
  void WritePairs() {
    ShardWriter writer(path_, {.dataset = "tiny",
                               .modality = Modality::kPair,
                               .part = "train",
                               .image_size = kSize,
                               .channels = 3,
                               .classes = {},
                               .mean = {0.5F, 0.5F, 0.5F},
                               .deviation = {0.5F, 0.5F, 0.5F}});
    const int64_t first = writer.AddImage(Grey(10)), second = writer.AddImage(Grey(20));
    writer.AddRow(second, 0, "folder open");
    writer.AddRow(first, 0, "");
    writer.AddRow(second, 0, "open folder");
    ASSERT_TRUE(writer.Finish().ok());
  }
  // Turns one bit of the file at `offset`.
  void Flip(size_t offset) {
    std::string bytes = *ReadFile(path_);
    bytes[offset] = static_cast<char>(bytes[offset] ^ 1);
    std::ofstream(path_, std::ios::binary) << bytes;
  }

  const ScratchFolder scratch_;
  const std::string path_ = scratch_ / "train.shard";
};

TEST_F(ShardTest, WhatIsWrittenIsRead) {
  WritePairs();
  const auto shard = Shard::Open(path_);
  ASSERT_TRUE(shard.ok()) << shard.status();
  EXPECT_TRUE((*shard)->Verify().ok());
  EXPECT_EQ((*shard)->info().rows, 3);
  EXPECT_EQ((*shard)->info().images, 2);
  EXPECT_EQ((*shard)->Text(0), "folder open");
  EXPECT_EQ((*shard)->Text(1), "");
  EXPECT_EQ((*shard)->Text(2), "open folder");
  EXPECT_THAT((*shard)->Image(2), ElementsAreArray(Grey(20)));
  EXPECT_THAT((*shard)->Image(1), ElementsAreArray(Grey(10)));
  EXPECT_EQ((*shard)->Label(0), -1);
}

TEST_F(ShardTest, TextShardsHaveLabelsAndNoImages) {
  ShardWriter writer(path_, {.dataset = "words",
                             .modality = Modality::kText,
                             .part = "test",
                             .classes = {"a", "b"},
                             .mean = {},
                             .deviation = {}});
  writer.AddRow(0, 1, "a gloss");
  ASSERT_TRUE(writer.Finish().ok());
  const auto shard = Shard::Open(path_);
  ASSERT_TRUE(shard.ok()) << shard.status();
  EXPECT_TRUE((*shard)->Verify().ok());
  EXPECT_EQ((*shard)->Label(0), 1);
  EXPECT_TRUE((*shard)->Image(0).empty());
}

TEST_F(ShardTest, TheSameContentHasTheSameDigest) {
  WritePairs();
  const std::string digest = (*Shard::Open(path_))->digest();
  WritePairs();
  EXPECT_EQ((*Shard::Open(path_))->digest(), digest);
}

// Wherever a bit turns, opening or verifying says so, or the byte is padding that nothing reads.
TEST_F(ShardTest, NoFlippedBitGoesUnseen) {
  WritePairs();
  const std::string whole = *ReadFile(path_);
  size_t unseen = 0;
  for (size_t offset = 0; offset < whole.size(); ++offset) {
    Flip(offset);
    const auto shard = Shard::Open(path_);
    const absl::Status status = shard.ok() ? (*shard)->Verify() : shard.status();
    if (status.ok()) {
      ++unseen;
    } else {
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << offset << ": " << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
    }
    Flip(offset);
  }
  EXPECT_EQ(unseen, 0u);
}

TEST_F(ShardTest, NoCutGoesUnseen) {
  WritePairs();
  const std::string whole = *ReadFile(path_);
  for (size_t length = 0; length < whole.size(); length += 7) {
    std::ofstream(path_, std::ios::binary) << whole.substr(0, length);
    const auto shard = Shard::Open(path_);
    EXPECT_EQ(shard.status().code(), absl::StatusCode::kDataLoss) << length;
  }
}

TEST_F(ShardTest, WhatIsNotAShardIsNamed) {
  std::ofstream(path_) << std::string(1000, 'x');
  EXPECT_THAT(std::string(Shard::Open(path_).status().message()), HasSubstr("not a shard file"));
  EXPECT_EQ(Shard::Open(scratch_ / "none").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ShardTest, AWrongLabelIsFound) {
  ShardWriter writer(path_, {.dataset = "words",
                             .modality = Modality::kText,
                             .part = "train",
                             .classes = {"a", "b"},
                             .mean = {},
                             .deviation = {}});
  writer.AddRow(0, 2, "out of range");
  ASSERT_TRUE(writer.Finish().ok());
  const auto shard = Shard::Open(path_);
  ASSERT_TRUE(shard.ok());
  EXPECT_THAT(std::string((*shard)->Verify().message()), HasSubstr("row 0 has a label outside"));
}

}  // namespace
}  // namespace tributary
