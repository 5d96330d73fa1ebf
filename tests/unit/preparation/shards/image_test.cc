#include "preparation/shards/image.h"

#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A binary PPM, which decodes as PNG and JPEG do.
std::string Ppm(int width, int height, const std::string& pixels) {
  return absl::StrCat("P6\n", width, " ", height, "\n255\n", pixels);
}

TEST(ImageTest, DecodesToRgbRowsFromTheTop) {
  const auto image = DecodeImage(Ppm(2, 1, std::string("\x01\x02\x03\x04\x05\x06", 6)));
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->height, 1);
  EXPECT_EQ(image->width, 2);
  EXPECT_THAT(image->pixels, ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(ImageTest, WhatIsNoImageIsDataLoss) {
  for (const std::string& bytes :
       {std::string(), std::string("not an image"), std::string("\x89PNG\r\n\x1a\n")}) {
    EXPECT_EQ(DecodeImage(bytes).status().code(), absl::StatusCode::kDataLoss) << bytes;
    EXPECT_EQ(DrawSvg(bytes, 8).status().code(), absl::StatusCode::kDataLoss) << bytes;
  }
}

std::string FileBytes(const std::string& name) {
  std::ifstream file(absl::StrCat(TRIBUTARY_SOURCE_DIR, "/tests/unit/common/data/data/", name),
                     std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ImageTest, PixelsAreThoseOfPillowAndNothingIsTurned) {
  for (const std::string name : {"plain.png", "420.jpg", "turned.jpg"}) {
    const auto image = DecodeImage(FileBytes(name));
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(image->height, 19) << name;
    const std::string pixels = FileBytes(name + ".rgb");
    EXPECT_EQ(image->pixels, std::vector<uint8_t>(pixels.begin(), pixels.end())) << name;
  }
}

TEST(ImageTest, APngThatEndsEarlyIsDataLoss) {
  const std::string whole = FileBytes("plain.png");
  for (size_t length = 0; length < whole.size(); length += 7) {
    EXPECT_EQ(DecodeImage(whole.substr(0, length)).status().code(), absl::StatusCode::kDataLoss)
        << length;
  }
}

TEST(ImageTest, APngOfHugeSizeIsRefusedBeforeMemoryIsTaken) {
  std::string bytes = FileBytes("plain.png");
  bytes.replace(16, 8, std::string("\x00\x00\xff\x00\x00\x00\xff\x00", 8));
  EXPECT_THAT(std::string(DecodeImage(bytes).status().message()), HasSubstr("megapixels"));
}

TEST(ImageTest, AnSvgIsDrawnOnAWhiteSquare) {
  const auto image = DrawSvg(
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 4"><rect width="8" height="4" fill="#f00"/></svg>)",
      8);
  ASSERT_TRUE(image.ok()) << image.status();
  ASSERT_EQ(image->pixels.size(), 8u * 8 * 3);
  const auto pixel = [&](size_t y, size_t x) {
    const auto begin = image->pixels.begin() + static_cast<std::ptrdiff_t>((y * 8 + x) * 3);
    return std::vector<uint8_t>(begin, begin + 3);
  };
  EXPECT_THAT(pixel(4, 4), ElementsAre(255, 0, 0));
  EXPECT_THAT(pixel(0, 0), ElementsAre(255, 255, 255)) << "twice as wide as high: centred";
  EXPECT_THAT(pixel(7, 7), ElementsAre(255, 255, 255));
}

TEST(ImageTest, AnSvgReadsNoOtherFiles) {
  const auto image = DrawSvg(
      R"(<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]>
         <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">
         <image href="file:///usr/share/pixmaps/debian-logo.png" width="8" height="8"/></svg>)",
      8);
  if (!image.ok()) return;
  EXPECT_THAT(image->pixels, Each(255));
}

TEST(ImageTest, WhatIsCutShortIsDataLossInEveryFormat) {
  for (const std::string& bytes :
       {std::string("GIF89a"), std::string("GIF89a\x01\0\x01\0\0\0\0,", 14),
        std::string("RIFF\x20\0\0\0WEBPVP8 ", 16), std::string("II*\0\x08\0\0\0", 8),
        std::string(128, '\0') + "DICM", std::string("\0\0\0\x0cjP  \r\n\x87\n", 12)}) {
    EXPECT_EQ(DecodeImage(bytes).status().code(), absl::StatusCode::kDataLoss) << bytes;
  }
}

}  // namespace
}  // namespace tributary
