#include "common/data/transforms.h"

#include <algorithm>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::ElementsAre;

std::vector<uint8_t> Ramp(int64_t size) {
  std::vector<uint8_t> image(static_cast<size_t>(size * size));
  std::iota(image.begin(), image.end(), uint8_t{1});
  return image;
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
  const Augmentations all{
      .crop_padding = 2, .horizontal_flip = 0.5, .brightness = 0.3, .contrast = 0.3};
  std::vector<uint8_t> a = Ramp(4), b = Ramp(4);
  RandomStream first(9, "test"), second(9, "test");
  Augment(all, 4, 1, &first, absl::MakeSpan(a));
  Augment(all, 4, 1, &second, absl::MakeSpan(b));
  EXPECT_EQ(a, b);
}

}  // namespace
}  // namespace tributary
