#include "preparation/shards/image_decoding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(ImageDecodingTest, AWindowIsTwoLevelsOrEachImagesOwn) {
  ImageDecoding decoding;
  ASSERT_TRUE(ReadWindow("-100:300.5", &decoding).ok());
  EXPECT_EQ(decoding.window->low, -100);
  EXPECT_EQ(decoding.window->high, 300.5);
  EXPECT_EQ(WindowInWords(decoding), "-100:300.5");
  ASSERT_TRUE(ReadWindow("auto", &decoding).ok());
  EXPECT_TRUE(decoding.window_of_each);
  EXPECT_FALSE(decoding.window.has_value());
  EXPECT_EQ(DecodingInWords(decoding), "levels auto, ");
  ASSERT_TRUE(ReadWindow("", &decoding).ok());
  EXPECT_EQ(DecodingInWords(decoding), "");
}

TEST(ImageDecodingTest, WhatIsNoWindowIsRefused) {
  ImageDecoding decoding;
  for (const char* words : {"5", "9:3", "3:3", "a:b", "0:inf", "nan:1", "1:2:3", ":", "Auto"}) {
    const absl::Status status = ReadWindow(words, &decoding);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << words;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("LOW:HIGH")) << words;
  }
}

TEST(ImageDecodingTest, AnOrientationIsKeptOrApplied) {
  ImageDecoding decoding;
  ASSERT_TRUE(ReadOrientation("apply", &decoding).ok());
  EXPECT_TRUE(decoding.upright);
  ASSERT_TRUE(ReadOrientation("keep", &decoding).ok());
  EXPECT_FALSE(decoding.upright);
  EXPECT_EQ(ReadOrientation("up", &decoding).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tributary
