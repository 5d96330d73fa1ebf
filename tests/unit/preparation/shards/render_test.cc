#include "preparation/shards/render.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/data/stored_image.h"
#include "tests/scratch_folder.h"
#include "tests/unit/preparation/shards/raw_images.h"

namespace tributary {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RenderTest : public ::testing::Test {
 protected:
  // A set of one image file.
  SampleSet OneFile(const std::string& name, const std::string& content) const {
    std::ofstream(scratch_ / name, std::ios::binary) << content;
    SampleSet set;
    set.trees = {FileTree::OfFolder(scratch_.path(), {name})};
    set.images = {{.tree = 0, .file = 0}};
    return set;
  }

  const ScratchFolder scratch_;
};

// `pixels`: three bytes each, [height, width].
std::string Ppm(int width, int height, const std::string& pixels) {
  return absl::StrCat("P6\n", width, " ", height, "\n255\n", pixels);
}

TEST_F(RenderTest, RawPixelsAreKeptWithTheChecksumOfWhatWasRead) {
  const SampleSet set = RawImages(scratch_.path(), "ab");
  const auto image = RenderImage(set, 1, ImageStorage::kPixels, 2);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(std::string(image->stored.begin(), image->stored.end()), std::string(kRawBytes, 'b'));
  EXPECT_EQ(image->source_bytes, kRawBytes);
  EXPECT_EQ(image->source_checksum, Checksum(std::string(kRawBytes, 'b')));
}

TEST_F(RenderTest, PlanesBecomeInterleavedChannels) {
  std::ofstream(scratch_ / "raw.bin", std::ios::binary) << "RSTUGHIJBCDE";
  SampleSet set = RawImages(scratch_.path(), "");
  std::ofstream(scratch_ / "raw.bin", std::ios::binary) << "RSTUGHIJBCDE";
  set.raw.planar = true;
  set.images = {{.tree = 0, .file = 0}};
  const auto image = RenderImage(set, 0, ImageStorage::kPixels, 2);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(std::string(image->stored.begin(), image->stored.end()), "RGBSHCTIDUJE");
}

TEST_F(RenderTest, PixelsAreBroughtToTheSizeAndChannelsOfTheShard) {
  const SampleSet large = OneFile("a.ppm", Ppm(4, 2, std::string(4 * 2 * 3, 'm')));
  const auto resized = RenderImage(large, 0, ImageStorage::kPixels, 8);
  ASSERT_TRUE(resized.ok()) << resized.status();
  EXPECT_EQ(resized->stored.size(), 8U * 8 * 3);
  EXPECT_THAT(resized->stored, Each('m'));
  SampleSet grey = OneFile("b.ppm", Ppm(1, 1, "zzz"));
  grey.channels = 1;
  const auto one = RenderImage(grey, 0, ImageStorage::kPixels, 1);
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_THAT(one->stored, ElementsAre('z'));
}

TEST_F(RenderTest, AnOriginalKeepsItsOwnSizeWithoutLoss) {
  const std::string pixels = "abcdefghijklmnopqr";
  const SampleSet set = OneFile("a.ppm", Ppm(3, 2, pixels));
  const auto image = RenderImage(set, 0, ImageStorage::kOriginal, 32);
  ASSERT_TRUE(image.ok()) << image.status();
  const auto loaded = LoadStoredImage(image->stored, 3);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->width, 3);
  EXPECT_EQ(loaded->height, 2);
  EXPECT_EQ(std::string(loaded->pixels.begin(), loaded->pixels.end()), pixels);
}

TEST_F(RenderTest, AnSvgIsDrawnAtTheShardsSize) {
  const SampleSet set = OneFile("a.svg",
                                "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 2 2'>"
                                "<rect width='2' height='2' fill='#ff0000'/></svg>");
  const auto image = RenderImage(set, 0, ImageStorage::kPixels, 4);
  ASSERT_TRUE(image.ok()) << image.status();
  ASSERT_EQ(image->stored.size(), 4U * 4 * 3);
  EXPECT_EQ(image->stored[24], 255);
  EXPECT_EQ(image->stored[25], 0);
}

TEST_F(RenderTest, ABlankImageIsLeftOutOnlyWhereTheSetSaysSo) {
  SampleSet set = RawImages(scratch_.path(), "a");
  EXPECT_TRUE(RenderImage(set, 0, ImageStorage::kPixels, 2).ok());
  set.skip_blank = true;
  const absl::Status status = RenderImage(set, 0, ImageStorage::kPixels, 2).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(status.message(), "a blank image");
}

TEST_F(RenderTest, WhatCannotBeDecodedIsDataLossWhateverIsStored) {
  const SampleSet set = OneFile("a.png", "no image");
  for (const ImageStorage storage : {ImageStorage::kPixels, ImageStorage::kOriginal}) {
    EXPECT_EQ(RenderImage(set, 0, storage, 4).status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST_F(RenderTest, AnImageIsDescribedByItsFileAndRawPixelsByTheirPlaceToo) {
  EXPECT_EQ(DescribeImage(RawImages(scratch_.path(), "ab"), 1),
            absl::StrCat(scratch_.path(), "/raw.bin, byte 12"));
  EXPECT_EQ(DescribeImage(OneFile("a.png", ""), 0), absl::StrCat(scratch_.path(), "/a.png"));
}

}  // namespace
}  // namespace tributary
