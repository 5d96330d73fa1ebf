#include "common/data/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "common/data/resize.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef TRIBUTARY_COMMON_DATA_RESIZE_TAPS
#define TRIBUTARY_COMMON_DATA_RESIZE_TAPS
namespace tributary {

constexpr int kPrecision = 22;  // as Pillow's 8-bit filter; weights sum up to 1 << 22
constexpr size_t kRows = 4;     // of RGB, filtered side by side
constexpr size_t kPixel = 4;  // bytes of a pixel there: red, green, blue, and one that nobody reads

// What output pixels take from input pixels along one axis: `most` weights for each, with zeros
// behind those that it needs.
struct Taps {
  size_t most = 0;
  std::vector<size_t> first;     // input pixel that the first weight is for
  std::vector<size_t> count;     // of weights that are not padding
  std::vector<int32_t> weights;  // [output pixels, most], fixed point
};

}  // namespace tributary
#endif

HWY_BEFORE_NAMESPACE();
namespace tributary {
namespace HWY_NAMESPACE {
namespace {

constexpr int32_t kHalf = 1 << (kPrecision - 1);

uint8_t Rounded(int32_t sum) {
  const int32_t value = sum >> kPrecision;
  return static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

// One row of grey pixels.
void GreyRow(const uint8_t* in, const Taps& taps, uint8_t* out) {
  for (size_t i = 0; i < taps.first.size(); ++i) {
    const uint8_t* from = in + taps.first[i];
    const int32_t* weights = &taps.weights[i * taps.most];
    int32_t sum = kHalf;
    for (size_t tap = 0; tap < taps.count[i]; ++tap) sum += weights[tap] * from[tap];
    out[i] = Rounded(sum);
  }
}

namespace hn = hwy::HWY_NAMESPACE;

// Up to kRows rows at once, so that no sum runs across a vector. `in`: [width, kRows, kPixel];
// `out`: [taps, kRows, kPixel].
void RgbRows(const uint8_t* in, const Taps& taps, uint8_t* out) {
  const hn::CappedTag<int32_t, kRows * kPixel> sums;
  const hn::Rebind<uint8_t, decltype(sums)> bytes;
  const auto half = hn::Set(sums, kHalf);
  for (size_t i = 0; i < taps.first.size(); ++i) {
    const int32_t* weights = &taps.weights[i * taps.most];
    for (size_t lane = 0; lane < kRows * kPixel; lane += hn::Lanes(sums)) {
      const uint8_t* from = in + taps.first[i] * kRows * kPixel + lane;
      auto sum = half;
      for (size_t tap = 0; tap < taps.count[i]; ++tap) {
        const auto pixels = hn::PromoteTo(sums, hn::LoadU(bytes, from + tap * kRows * kPixel));
        sum = hn::Add(sum, hn::Mul(pixels, hn::Set(sums, weights[tap])));
      }
      hn::StoreU(hn::DemoteTo(bytes, hn::ShiftRight<kPrecision>(sum)), bytes,
                 out + i * kRows * kPixel + lane);
    }
  }
}

// out[i] = the weighted sum of in[i] of `count` rows that lie `width` apart. A plain loop: the
// compiler vectorises it for the target in force.
void Column(const uint8_t* in, const int32_t* weights, size_t count, size_t width, uint8_t* out) {
  constexpr size_t kAtOnce = 256;
  for (size_t begin = 0; begin < width; begin += kAtOnce) {
    const size_t length = width - begin < kAtOnce ? width - begin : kAtOnce;
    int32_t sums[kAtOnce];
    for (int32_t& sum : sums) sum = kHalf;
    for (size_t tap = 0; tap < count; ++tap) {
      const uint8_t* row = in + tap * width + begin;
      for (size_t i = 0; i < length; ++i) sums[i] += weights[tap] * row[i];
    }
    for (size_t i = 0; i < length; ++i) out[begin + i] = Rounded(sums[i]);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tributary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tributary {
namespace {

HWY_EXPORT(GreyRow);
HWY_EXPORT(RgbRows);
HWY_EXPORT(Column);

std::vector<double> TriangleWeights(int64_t first, int64_t last, double centre, double radius) {
  std::vector<double> weights;
  double sum = 0;
  for (int64_t i = first; i < last; ++i) {
    const double distance = std::abs((static_cast<double>(i) - centre + 0.5) / radius);
    weights.push_back(std::max(0.0, 1 - distance));
    sum += weights.back();
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

Taps MakeTaps(int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double radius = std::max(scale, 1.0);
  Taps taps;
  taps.most = static_cast<size_t>(std::min(from, 2 * static_cast<int64_t>(std::ceil(radius)) + 1));
  taps.weights.resize(taps.most * static_cast<size_t>(to));
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    // Pillow truncates here, and so does this.
    // NOLINTBEGIN(bugprone-incorrect-roundings)
    const auto first = std::max<int64_t>(0, static_cast<int64_t>(centre - radius + 0.5));
    const auto last = std::min<int64_t>(from, static_cast<int64_t>(centre + radius + 0.5));
    // NOLINTEND(bugprone-incorrect-roundings)
    const std::vector<double> weights = TriangleWeights(first, last, centre, radius);
    int32_t* to_weights = &taps.weights[taps.first.size() * taps.most];
    std::transform(weights.begin(), weights.end(), to_weights, [](double weight) {
      return static_cast<int32_t>(std::llround(weight * (1 << kPrecision)));
    });
    taps.first.push_back(static_cast<size_t>(first));
    taps.count.push_back(weights.size());
  }
  return taps;
}

void ResizeGrey(const Image& image, const Taps& taps, Image* result) {
  const auto row = HWY_DYNAMIC_DISPATCH(GreyRow);
  for (size_t y = 0; y < static_cast<size_t>(image.height); ++y) {
    row(&image.pixels[y * static_cast<size_t>(image.width)], taps,
        &result->pixels[y * taps.first.size()]);
  }
}

// A pixel of RGB and what follows it, or precedes it: a word is moved faster than three bytes.
uint32_t LoadPixel(const uint8_t* from, bool is_last) {
  uint32_t pixel = 0;
  std::memcpy(&pixel, from, is_last ? 3 : kPixel);
  return pixel;
}

void ResizeRgb(const Image& image, const Taps& taps, Image* result) {
  const auto rows = HWY_DYNAMIC_DISPATCH(RgbRows);
  const auto width = static_cast<size_t>(image.width), out_width = taps.first.size();
  const auto height = static_cast<size_t>(image.height);
  std::vector<uint32_t> in(width * kRows), out(out_width * kRows);
  for (size_t y = 0; y < height; y += kRows) {
    const size_t count = std::min(kRows, height - y);
    for (size_t r = 0; r < count; ++r) {
      const uint8_t* from = &image.pixels[(y + r) * width * 3];
      for (size_t x = 0; x + 1 < width; ++x) in[x * kRows + r] = LoadPixel(from + 3 * x, false);
      in[(width - 1) * kRows + r] = LoadPixel(from + 3 * (width - 1), true);
    }
    rows(reinterpret_cast<const uint8_t*>(in.data()), taps, reinterpret_cast<uint8_t*>(out.data()));
    for (size_t r = 0; r < count; ++r) {
      uint8_t* to = &result->pixels[(y + r) * out_width * 3];
      for (size_t x = 0; x + 1 < out_width; ++x) {
        std::memcpy(to + 3 * x, &out[x * kRows + r],
                    kPixel);  // the next pixel mends its fourth byte
      }
      std::memcpy(to + 3 * (out_width - 1), &out[(out_width - 1) * kRows + r], 3);
    }
  }
}

Image ResizeRows(const Image& image, int64_t width) {
  const Taps taps = MakeTaps(image.width, width);
  Image result{.height = image.height, .width = width, .channels = image.channels, .pixels = {}};
  result.pixels.resize(static_cast<size_t>(image.height * width * image.channels));
  image.channels == 3 ? ResizeRgb(image, taps, &result) : ResizeGrey(image, taps, &result);
  return result;
}

Image ResizeColumns(const Image& image, int64_t height) {
  const Taps taps = MakeTaps(image.height, height);
  const auto row = static_cast<size_t>(image.width * image.channels);
  Image result{.height = height, .width = image.width, .channels = image.channels, .pixels = {}};
  result.pixels.resize(static_cast<size_t>(height) * row);
  const auto column = HWY_DYNAMIC_DISPATCH(Column);
  for (size_t y = 0; y < static_cast<size_t>(height); ++y) {
    column(&image.pixels[taps.first[y] * row], &taps.weights[y * taps.most], taps.count[y], row,
           &result.pixels[y * row]);
  }
  return result;
}

}  // namespace

Image Resize(const Image& image, int64_t height, int64_t width) {
  if (width == image.width) {
    return height == image.height ? image : ResizeColumns(image, height);
  }
  Image wide = ResizeRows(image, width);
  return height == wide.height ? wide : ResizeColumns(wide, height);
}

}  // namespace tributary
#endif  // HWY_ONCE
