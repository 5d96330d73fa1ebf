#include "common/data/stored_image.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/data/jpeg.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<Image> Load(const std::string& stored, int64_t channels) {
  return LoadStoredImage(
      absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(stored.data()), stored.size()),
      channels);
}

Image Colours() {
  return {.height = 1, .width = 2, .channels = 3, .pixels = {255, 0, 0, 10, 10, 10}};
}

TEST(StoredImageTest, AJpegIsKeptAsPublished) {
  std::ifstream file(absl::StrCat(TRIBUTARY_SOURCE_DIR, "/tests/unit/common/data/data/420.jpg"),
                     std::ios::binary);
  const std::string source{std::istreambuf_iterator<char>(file), {}};
  const auto decoded = DecodeJpeg(source, 3);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  const std::string stored = StoreImage(source, *decoded);
  EXPECT_EQ(stored, source);
  const auto loaded = Load(stored, 3);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->pixels, decoded->pixels);
}

TEST(StoredImageTest, AnythingElseIsKeptAsItsPixels) {
  for (const char* source : {"", "\x89PNG\r\n\x1a\n"}) {
    const auto loaded = Load(StoreImage(source, Colours()), 3);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ(loaded->height, 1);
    EXPECT_EQ(loaded->width, 2);
    EXPECT_EQ(loaded->pixels, Colours().pixels);
  }
}

TEST(StoredImageTest, ChannelsAreTheOnesAskedFor) {
  const auto grey = Load(StoreImage("", Colours()), 1);
  ASSERT_TRUE(grey.ok()) << grey.status();
  EXPECT_EQ(grey->channels, 1);
  EXPECT_THAT(grey->pixels, ElementsAre(76, 10)) << "0.299 of red";
  const auto colours = Load(StoreImage("", *grey), 3);
  ASSERT_TRUE(colours.ok()) << colours.status();
  EXPECT_THAT(colours->pixels, ElementsAre(76, 76, 76, 10, 10, 10));
}

TEST(StoredImageTest, WhatIsCutShortIsDataLoss) {
  const std::string stored = StoreImage("", Colours());
  for (size_t length = 0; length < stored.size(); ++length) {
    EXPECT_EQ(Load(stored.substr(0, length), 3).status().code(), absl::StatusCode::kDataLoss)
        << length;
  }
}

TEST(StoredImageTest, AHeaderThatItsPixelsBelieIsDataLoss) {
  const std::string stored = StoreImage("", Colours());
  const auto with = [&](size_t field, uint32_t value) {
    std::string changed = stored;
    std::memcpy(changed.data() + 8 + 4 * field, &value, sizeof(value));
    return std::string(Load(changed, 3).status().message());
  };
  EXPECT_THAT(with(0, 0), HasSubstr("2 x 0 pixels"));
  EXPECT_THAT(with(0, 2), HasSubstr("do not hold the 12 bytes"));
  EXPECT_THAT(with(1, 0xffffffff), HasSubstr("at most 65535 a side"));
  EXPECT_THAT(with(2, 2), HasSubstr("2 channels; expected 1 or 3"));
}

TEST(StoredImageTest, OtherBytesAreDataLoss) {
  EXPECT_THAT(std::string(Load("GIF89a", 3).status().message()), HasSubstr("neither a JPEG"));
}

}  // namespace
}  // namespace tributary
