#include "common/data/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

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

TEST(ImageTest, ResizingAFlatImageKeepsIt) {
  const Image flat{.height = 5, .width = 7, .channels = 1, .pixels = std::vector<uint8_t>(35, 77)};
  for (const int64_t size : {1, 3, 16}) {
    const Image resized = Resize(flat, size, size);
    EXPECT_EQ(resized.pixels.size(), static_cast<size_t>(size * size));
    EXPECT_THAT(resized.pixels, Each(77));
  }
}

TEST(ImageTest, HalvingAveragesAsATriangleFilterDoes) {
  const Image image{.height = 1, .width = 4, .channels = 1, .pixels = {0, 0, 255, 255}};
  const Image half = Resize(image, 1, 2);
  // Weights 3/8, 3/8, 1/8 over the pixels in reach, normalised.
  EXPECT_THAT(half.pixels, ElementsAre(36, 219));
}

}  // namespace
}  // namespace tributary
