#include "preparation/shards/orientation.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

// "ab|cd|ef" of rows of single grey levels.
Image Of(const std::string& rows) {
  Image image{.height = 1, .width = 0, .channels = 1, .pixels = {}};
  for (const char c : rows) {
    if (c == '|') {
      ++image.height;
    } else {
      image.pixels.push_back(static_cast<uint8_t>(c));
    }
  }
  image.width = static_cast<int64_t>(image.pixels.size()) / image.height;
  return image;
}

std::string InWords(const Image& image) {
  std::string rows;
  for (int64_t y = 0; y < image.height; ++y) {
    if (y > 0) rows += '|';
    for (int64_t x = 0; x < image.width; ++x) {
      rows += static_cast<char>(image.pixels[static_cast<size_t>(y * image.width + x)]);
    }
  }
  return rows;
}

// EXIF 2.3: where the 0th row and the 0th column of what is stored belong.
TEST(OrientationTest, EachIsTurnedUpright) {
  const char* const kUpright[] = {"ab|cd|ef", "ba|dc|fe", "fe|dc|ba", "ef|cd|ab",
                                  "ace|bdf",  "eca|fdb",  "fdb|eca",  "bdf|ace"};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    EXPECT_EQ(InWords(Upright(Of("ab|cd|ef"), orientation)), kUpright[orientation - 1])
        << orientation;
  }
  EXPECT_EQ(InWords(Upright(Of("ab"), 0)), "ab");
  EXPECT_EQ(InWords(Upright(Of("ab"), 9)), "ab");
}

TEST(OrientationTest, WhatIsUprightGoesBackToWhatIsStored) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    EXPECT_EQ(InWords(AsStored(Upright(Of("ab|cd|ef"), orientation), orientation)), "ab|cd|ef");
  }
}

TEST(OrientationTest, PixelsKeepTheirChannels) {
  const Image image{.height = 1, .width = 2, .channels = 3, .pixels = {1, 2, 3, 4, 5, 6}};
  EXPECT_THAT(Upright(image, 2).pixels, testing::ElementsAre(4, 5, 6, 1, 2, 3));
}

// TIFF's header, big-endian, one entry: tag 274, SHORT, 1, `value`.
std::string Block(char value) {
  return std::string("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 19) + value +
         std::string("\0\0\0\0\0\0", 6);
}

TEST(OrientationTest, ABlockOfExifSaysOneToEight) {
  EXPECT_EQ(OrientationInExif(Block(6)), 6);
  EXPECT_EQ(OrientationInExif(std::string("Exif\0\0", 6) + Block(8)), 8);
  EXPECT_EQ(OrientationInExif(Block(9)), 1);
  for (const std::string& broken : {std::string(), std::string("Exif"), Block(6).substr(0, 12)}) {
    EXPECT_EQ(OrientationInExif(broken), 1);
    EXPECT_EQ(OrientationInJpeg(broken), 1);
  }
}

}  // namespace
}  // namespace tributary
