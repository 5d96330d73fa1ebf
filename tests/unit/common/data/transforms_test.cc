#include "common/data/transforms.h"

#include <algorithm>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

std::vector<uint8_t> Ramp(int64_t size) {
  std::vector<uint8_t> image(static_cast<size_t>(size * size));
  std::iota(image.begin(), image.end(), uint8_t{1});
  return image;
}

void Augment(const Augmentations& augmentations, int64_t size, int64_t channels,
             RandomStream* stream, absl::Span<uint8_t> image) {
  ApplyChange(DrawChange(augmentations, stream), size, channels, image);
}

TEST(TransformsTest, NormaliseSeparatesChannels) {
  const std::vector<uint8_t> image = {0, 255, 255, 0};  // two pixels of two channels
  const std::vector<float> mean = {0.5F, 0.25F}, deviation = {0.5F, 0.25F};
  std::vector<float> planes(4);
  Normalise(image, mean, deviation, absl::MakeSpan(planes));
  EXPECT_THAT(planes, ElementsAre(-1, 1, 3, -1));
}

TEST(TransformsTest, NothingAskedForChangesNothing) {
  std::vector<uint8_t> image = Ramp(4);
  RandomStream stream(1, "test");
  Augment({}, 4, 1, &stream, absl::MakeSpan(image));
  EXPECT_EQ(image, Ramp(4));
}

TEST(TransformsTest, AFlipTurnsEachRow) {
  std::vector<uint8_t> image = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  RandomStream stream(1, "test");
  Augment({.horizontal_flip = 1}, 3, 1, &stream, absl::MakeSpan(image));
  EXPECT_THAT(image, ElementsAre(3, 2, 1, 6, 5, 4, 9, 8, 7));
}

// Whatever the draw: a window of the image in a white border, in its place.
TEST(TransformsTest, ACropMovesTheImageAndFillsWithWhite) {
  constexpr int64_t kSize = 4;
  bool moved = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    std::vector<uint8_t> image = Ramp(kSize);
    RandomStream stream(seed, "test");
    Augment({.crop_padding = 2}, kSize, 1, &stream, absl::MakeSpan(image));
    const auto first = std::find_if(image.begin(), image.end(), [](uint8_t v) { return v != 255; });
    ASSERT_NE(first, image.end());
    const int64_t at = first - image.begin(), from = *first - 1;
    const int64_t dy = from / kSize - at / kSize, dx = from % kSize - at % kSize;
    moved |= dy != 0 || dx != 0;
    for (int64_t y = 0; y < kSize; ++y) {
      for (int64_t x = 0; x < kSize; ++x) {
        const bool inside = y + dy >= 0 && y + dy < kSize && x + dx >= 0 && x + dx < kSize;
        const int64_t expected = inside ? (y + dy) * kSize + x + dx + 1 : 255;
        EXPECT_EQ(image[static_cast<size_t>(y * kSize + x)], expected);
      }
    }
  }
  EXPECT_TRUE(moved);
}

// A crop by more than the image itself leaves only white.
TEST(TransformsTest, AWindowBesideTheImageIsWhite) {
  for (const int64_t far : {4, 5, 100, -4, -100}) {
    std::vector<uint8_t> image = Ramp(4);
    ApplyChange({.crop_right = far}, 4, 1, absl::MakeSpan(image));
    EXPECT_THAT(image, Each(255)) << far;
  }
}

TEST(TransformsTest, AVerticalFlipTurnsTheOrderOfRows) {
  std::vector<uint8_t> image = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  ApplyChange({.vertical_flip = true}, 3, 1, absl::MakeSpan(image));
  EXPECT_THAT(image, ElementsAre(7, 8, 9, 4, 5, 6, 1, 2, 3));
}

TEST(TransformsTest, AQuarterTurnIsCounterClockwiseAndExact) {
  std::vector<uint8_t> image = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  ApplyChange({.rotation = 90}, 3, 1, absl::MakeSpan(image));
  EXPECT_THAT(image, ElementsAre(3, 6, 9, 2, 5, 8, 1, 4, 7));
}

TEST(TransformsTest, ATurnLeavesTheCentreAndWhiteCorners) {
  std::vector<uint8_t> image(15 * 15 * 3, 40);
  ApplyChange({.rotation = 45}, 15, 3, absl::MakeSpan(image));
  EXPECT_EQ(image[(7 * 15 + 7) * 3], 40);
  EXPECT_EQ(image.front(), 255);
  EXPECT_EQ(image.back(), 255);
}

// Between pixels, not from the nearest one.
TEST(TransformsTest, ATurnInterpolates) {
  std::vector<uint8_t> image = {0, 200, 0, 200};
  ApplyChange({.rotation = 45}, 2, 1, absl::MakeSpan(image));
  // The top left pixel comes from the middle of the top edge, the top right one from the right's.
  EXPECT_THAT(image, ElementsAre(100, 200, 0, 100));
}

TEST(TransformsTest, AnglesFillTheirRange) {
  RandomStream stream(5, "test");
  double least = 0, most = 0;
  for (int i = 0; i < 1000; ++i) {
    const double angle = DrawChange({.rotation = 30}, &stream).rotation;
    least = std::min(least, angle);
    most = std::max(most, angle);
  }
  EXPECT_GE(least, -30);
  EXPECT_LT(least, -29);
  EXPECT_LE(most, 30);
  EXPECT_GT(most, 29);
}

// Runs that were recorded before a kind was added keep their bits.
TEST(TransformsTest, WhatIsOffDrawsNothing) {
  RandomStream one(4, "test"), two(4, "test");
  DrawChange({.rotation = 0, .horizontal_flip = 0.5, .vertical_flip = 0}, &one);
  two.Uniform();
  EXPECT_EQ(one.Next(), two.Next());
}

TEST(TransformsTest, ContrastKeepsTheMeanAndBrightnessMovesIt) {
  const std::vector<uint8_t> grey(16, 100);
  std::vector<uint8_t> image = grey;
  RandomStream stream(3, "test");
  Augment({.contrast = 0.9}, 4, 1, &stream, absl::MakeSpan(image));
  EXPECT_EQ(image, grey);
  Augment({.brightness = 0.9}, 4, 1, &stream, absl::MakeSpan(image));
  EXPECT_NE(image, grey);
}

TEST(TransformsTest, TheSameStreamGivesTheSameImage) {
  const Augmentations all{.crop_padding = 2,
                          .rotation = 20,
                          .horizontal_flip = 0.5,
                          .vertical_flip = 0.5,
                          .brightness = 0.3,
                          .contrast = 0.3};
  std::vector<uint8_t> a = Ramp(4), b = Ramp(4);
  RandomStream first(9, "test"), second(9, "test");
  Augment(all, 4, 1, &first, absl::MakeSpan(a));
  Augment(all, 4, 1, &second, absl::MakeSpan(b));
  EXPECT_EQ(a, b);
}

}  // namespace
}  // namespace tributary
