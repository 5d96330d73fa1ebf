#include "common/data/resize.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/highway.h>

#include "common/base/random.h"

namespace tributary {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

// Pillow's filter written down plainly, one value after the other in 64 bits: what the fast code
// must repeat.
std::vector<std::pair<int64_t, std::vector<int64_t>>> PlainTaps(int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double radius = std::max(scale, 1.0);
  std::vector<std::pair<int64_t, std::vector<int64_t>>> taps;
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<int64_t>(0, static_cast<int64_t>(centre - radius + 0.5));
    const auto last = std::min<int64_t>(from, static_cast<int64_t>(centre + radius + 0.5));
    std::vector<double> weights;
    double sum = 0;
    for (int64_t j = first; j < last; ++j) {
      const double distance = std::abs((static_cast<double>(j) - centre + 0.5) / radius);
      sum += weights.emplace_back(std::max(0.0, 1 - distance));
    }
    std::vector<int64_t> fixed;
    for (const double weight : weights) fixed.push_back(std::llround(weight / sum * (1 << 22)));
    taps.emplace_back(first, fixed);
  }
  return taps;
}

uint8_t Weighted(const std::pair<int64_t, std::vector<int64_t>>& taps, const uint8_t* in,
                 int64_t step) {
  int64_t sum = 1 << 21;
  for (size_t i = 0; i < taps.second.size(); ++i) {
    sum += taps.second[i] * in[(taps.first + static_cast<int64_t>(i)) * step];
  }
  return static_cast<uint8_t>(std::clamp<int64_t>(sum >> 22, 0, 255));
}

Image PlainResize(const Image& image, int64_t height, int64_t width) {
  const int64_t channels = image.channels, row = width * channels;
  std::vector<uint8_t> wide;
  const auto across = PlainTaps(image.width, width), down = PlainTaps(image.height, height);
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t i = 0; i < row; ++i) {
      wide.push_back(Weighted(
          across[static_cast<size_t>(i / channels)],
          &image.pixels[static_cast<size_t>(y * image.width * channels)] + i % channels, channels));
    }
  }
  Image result{.height = height, .width = width, .channels = channels, .pixels = {}};
  for (const auto& taps : down) {
    for (int64_t i = 0; i < row; ++i) {
      result.pixels.push_back(Weighted(taps, wide.data() + i, row));
    }
  }
  return result;
}

// Noise, with stretches of black and white where sums reach their ends.
Image Noise(int64_t height, int64_t width, int64_t channels, RandomStream* stream) {
  Image image{.height = height, .width = width, .channels = channels, .pixels = {}};
  for (int64_t i = 0; i < height * width * channels; ++i) {
    const bool flat = i / 97 % 3 == 0;
    image.pixels.push_back(static_cast<uint8_t>(flat ? 255 * (i / 291 % 2)
                                                     : static_cast<int64_t>(stream->Below(256))));
  }
  return image;
}

TEST(ResizeTest, EveryByteIsThePlainFilters) {
  RandomStream stream(1, "resize");
  const std::vector<int64_t> sides = {1, 2, 3, 5, 8, 17, 31, 64, 100, 224, 301};
  for (int i = 0; i < 400; ++i) {
    const auto side = [&] { return sides[static_cast<size_t>(stream.Below(sides.size()))]; };
    const Image image = Noise(side(), side(), i % 2 == 0 ? 3 : 1, &stream);
    const int64_t height = side(), width = side();
    const Image resized = Resize(image, height, width), plain = PlainResize(image, height, width);
    EXPECT_EQ(resized.height, height);
    EXPECT_EQ(resized.width, width);
    EXPECT_EQ(resized.channels, image.channels);
    ASSERT_EQ(resized.pixels, plain.pixels) << image.height << " x " << image.width << " x "
                                            << image.channels << " to " << height << " x " << width;
  }
}

TEST(ResizeTest, PhotographsShrinkToTheSameBytes) {
  RandomStream stream(2, "resize");
  for (const auto& [height, width] :
       {std::pair<int64_t, int64_t>{480, 640}, {375, 500}, {32, 32}, {1000, 30}}) {
    const Image image = Noise(height, width, 3, &stream);
    EXPECT_EQ(Resize(image, 224, 224).pixels, PlainResize(image, 224, 224).pixels);
  }
}

TEST(ResizeTest, EveryInstructionSetGivesTheSameBytes) {
  RandomStream stream(3, "resize");
  const Image colours = Noise(61, 83, 3, &stream), grey = Noise(61, 83, 1, &stream);
  const std::vector<int64_t> sets = hwy::SupportedAndGeneratedTargets();
  EXPECT_GT(sets.size(), 1U);
  for (const int64_t set : sets) {
    hwy::SetSupportedTargetsForTest(set);
    for (const Image& image : {colours, grey}) {
      for (const auto& [height, width] : {std::pair<int64_t, int64_t>{20, 7}, {100, 150}}) {
        EXPECT_EQ(Resize(image, height, width).pixels, PlainResize(image, height, width).pixels)
            << hwy::TargetName(set);
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(ResizeTest, AFlatImageStaysFlat) {
  const Image flat{.height = 5, .width = 7, .channels = 1, .pixels = std::vector<uint8_t>(35, 77)};
  for (const int64_t size : {1, 3, 16}) {
    const Image resized = Resize(flat, size, size);
    EXPECT_EQ(resized.pixels.size(), static_cast<size_t>(size * size));
    EXPECT_THAT(resized.pixels, Each(77));
  }
}

TEST(ResizeTest, HalvingAveragesAsATriangleFilterDoes) {
  const Image image{.height = 1, .width = 4, .channels = 1, .pixels = {0, 0, 255, 255}};
  const Image half = Resize(image, 1, 2);
  // Weights 3/8, 3/8, 1/8 over the pixels in reach, normalised.
  EXPECT_THAT(half.pixels, ElementsAre(36, 219));
}

TEST(ResizeTest, TheLongestLineStillSumsUp) {
  for (const int64_t channels : {1, 3}) {
    const Image line{
        .height = 1,
        .width = 3'000'000,
        .channels = channels,
        .pixels = std::vector<uint8_t>(static_cast<size_t>(3'000'000 * channels), 255)};
    EXPECT_THAT(Resize(line, 1, 2).pixels, Each(255));
  }
}

}  // namespace
}  // namespace tributary
