#include "common/data/jpeg.h"

#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

std::string FileBytes(const std::string& name) {
  std::ifstream file(absl::StrCat(TRIBUTARY_SOURCE_DIR, "/tests/unit/common/data/data/", name),
                     std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<uint8_t> PixelsOf(const std::string& name) {
  const std::string bytes = FileBytes(name + ".rgb");
  return {bytes.begin(), bytes.end()};
}

// `bytes` with `more` put before the last `from_end` of them.
std::string With(std::string bytes, size_t from_end, const std::string& more) {
  return bytes.insert(bytes.size() - from_end, more);
}

class JpegFileTest : public ::testing::TestWithParam<std::string> {};

TEST_P(JpegFileTest, PixelsAreThoseOfPillow) {
  const auto image = DecodeJpeg(FileBytes(GetParam()), 3);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->height, 19);
  EXPECT_EQ(image->width, 26);
  EXPECT_EQ(image->channels, 3);
  EXPECT_THAT(image->pixels, ElementsAreArray(PixelsOf(GetParam())));
}

TEST_P(JpegFileTest, OneChannelIsTheLumaOfThree) {
  const auto colours = DecodeJpeg(FileBytes(GetParam()), 3);
  const auto grey = DecodeJpeg(FileBytes(GetParam()), 1);
  ASSERT_TRUE(colours.ok() && grey.ok());
  EXPECT_EQ(grey->channels, 1);
  EXPECT_EQ(grey->pixels, ToChannels(*colours, 1).pixels);
}

TEST_P(JpegFileTest, WhatEndsEarlyIsDataLoss) {
  const std::string whole = FileBytes(GetParam());
  for (size_t length = 0; length < whole.size(); ++length) {
    const auto image = DecodeJpeg(whole.substr(0, length), 3);
    EXPECT_EQ(image.status().code(), absl::StatusCode::kDataLoss) << length;
  }
}

TEST_P(JpegFileTest, NoChangedByteCrashesIt) {
  const std::string whole = FileBytes(GetParam());
  for (size_t place = 0; place < whole.size(); ++place) {
    for (const char byte : {'\x00', '\x7f', '\xff'}) {
      std::string changed = whole;
      changed[place] = byte;
      const auto image = DecodeJpeg(changed, 3);
      EXPECT_THAT(image.status().code(), AnyOf(absl::StatusCode::kOk, absl::StatusCode::kDataLoss));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, JpegFileTest,
                         ::testing::Values("420.jpg", "444_progressive.jpg", "grey.jpg", "cmyk.jpg",
                                           "turned.jpg"),
                         [](const auto& info) {
                           return "File" + info.param.substr(0, info.param.find('.'));
                         });

TEST(JpegTest, StrayBytesBeforeAMarkerAreNoDamage) {
  const auto image = DecodeJpeg(With(FileBytes("420.jpg"), 2, std::string(3, '\0')), 3);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_THAT(image->pixels, ElementsAreArray(PixelsOf("420.jpg")));
}

TEST(JpegTest, DamageBeforeStrayBytesIsStillDamage) {
  // A comment amid the data ends them; what follows would be skipped as stray.
  const auto image = DecodeJpeg(With(FileBytes("420.jpg"), 60, {"\xff\xfe\x00\x02", 4}), 3);
  EXPECT_EQ(image.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(image.status().message()), HasSubstr("Corrupt JPEG data"));
}

TEST(JpegTest, AnEarlyEndIsNamed) {
  const std::string whole = FileBytes("420.jpg");
  const auto image = DecodeJpeg(whole.substr(0, whole.size() - 40), 3);
  EXPECT_THAT(std::string(image.status().message()), HasSubstr("Premature end of JPEG file"));
}

TEST(JpegTest, AHugeSizeIsRefusedBeforeMemoryIsTaken) {
  std::string bytes = FileBytes("420.jpg");
  const size_t frame = bytes.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  bytes.replace(frame + 5, 4, "\xff\x00\xff\x00", 4);
  const auto image = DecodeJpeg(bytes, 3);
  EXPECT_EQ(image.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(image.status().message()), HasSubstr("megapixels"));
}

}  // namespace
}  // namespace tributary
