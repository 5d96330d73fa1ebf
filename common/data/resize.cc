#include "common/data/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include <hwy/aligned_allocator.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "common/data/resize.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef TRIBUTARY_COMMON_DATA_RESIZE_TAPS
#define TRIBUTARY_COMMON_DATA_RESIZE_TAPS
namespace tributary {

constexpr int kPrecision = 22;     // as Pillow's 8-bit filter; weights sum up to 1 << 22
constexpr size_t kPixelLoad = 16;  // bytes read at once, of which 12 are used

// What output pixels take from input pixels along one axis: `most` weights for each, with zeros
// behind those that it needs.
struct Taps {
  size_t most = 0;
  std::vector<size_t> first;     // input pixel that the first weight is for
  std::vector<size_t> count;     // of weights that are not padding
  std::vector<int32_t> weights;  // [output pixels, most], fixed point
};

// The same weights of RGB pixels, as they meet the vectors of the instruction set in force.
struct PixelWeights {
  size_t vectors = 0;                              // for each output pixel
  hwy::AlignedFreeUniquePtr<int32_t[]> weights{};  // [output pixels, vectors, lanes]
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

#if HWY_TARGET == HWY_SCALAR

void RgbRow(const uint8_t* in, const Taps& taps, const PixelWeights& /*lanes*/, uint8_t* out) {
  for (size_t i = 0; i < taps.first.size(); ++i) {
    const uint8_t* from = in + 3 * taps.first[i];
    for (size_t c = 0; c < 3; ++c) {
      int32_t sum = kHalf;
      for (size_t tap = 0; tap < taps.count[i]; ++tap) {
        sum += taps.weights[i * taps.most + tap] * from[3 * tap + c];
      }
      out[3 * i + c] = Rounded(sum);
    }
  }
}

PixelWeights MakePixelWeights(const Taps& /*taps*/) { return {}; }

#else

namespace hn = hwy::HWY_NAMESPACE;

// A pixel is four values; so many pixels at once.
constexpr size_t kLanes = HWY_HAVE_SCALABLE ? 4 : HWY_MIN(kPixelLoad, HWY_LANES(int32_t));
using Sums = hn::FixedTag<int32_t, kLanes>;
using Bytes = hn::FixedTag<uint8_t, kLanes>;
using PixelSums = hn::FixedTag<int32_t, 4>;
using PixelBytes = hn::FixedTag<uint8_t, 4>;

// The sum of a vector's pixels.
template <typename Tag>
hn::Vec<PixelSums> Fold(Tag tag, hn::Vec<Tag> sums) {
  if constexpr (std::is_same_v<Tag, PixelSums>) {
    return sums;
  } else {
    const hn::Half<Tag> half;
    return Fold(half, hn::Add(hn::LowerHalf(half, sums), hn::UpperHalf(half, sums)));
  }
}

// A vector holds the red, green and blue of `per_vector` neighbours, and a fourth of each that
// weighs nothing.
PixelWeights MakePixelWeights(const Taps& taps) {
  constexpr size_t per_vector = kLanes / 4;
  PixelWeights result;
  result.vectors = (taps.most + per_vector - 1) / per_vector;
  const size_t count = taps.first.size() * result.vectors * kLanes;
  result.weights = hwy::AllocateAligned<int32_t>(count);
  std::fill_n(result.weights.get(), count, 0);
  for (size_t i = 0; i < taps.first.size(); ++i) {
    int32_t* to = &result.weights[i * result.vectors * kLanes];
    for (size_t tap = 0; tap < taps.count[i]; ++tap) {
      for (size_t c = 0; c < 3; ++c) to[4 * tap + c] = taps.weights[i * taps.most + tap];
    }
  }
  return result;
}

// One row of RGB. Reads up to a row of weights behind the row, writes a byte behind it.
void RgbRow(const uint8_t* in, const Taps& taps, const PixelWeights& weights, uint8_t* out) {
  const Sums sums;
  const Bytes bytes;
  HWY_ALIGN uint8_t places[kLanes];
  for (size_t i = 0; i < kLanes; ++i) places[i] = static_cast<uint8_t>(i / 4 * 3 + i % 4);
  const auto spread = hn::Load(bytes, places);
  const int32_t* weight = weights.weights.get();
  for (size_t i = 0; i < taps.first.size(); ++i) {
    const uint8_t* from = in + 3 * taps.first[i];
    auto sum = hn::Zero(sums);
    for (size_t vector = 0; vector < weights.vectors; ++vector) {
      const auto pixels = hn::TableLookupBytes(hn::LoadU(bytes, from), spread);
      sum = hn::Add(sum, hn::Mul(hn::PromoteTo(sums, pixels), hn::Load(sums, weight)));
      from += kLanes / 4 * 3;
      weight += kLanes;
    }
    const auto whole = hn::Add(Fold(sums, sum), hn::Set(PixelSums(), kHalf));
    hn::StoreU(hn::DemoteTo(PixelBytes(), hn::ShiftRight<kPrecision>(whole)), PixelBytes(),
               out + 3 * i);
  }
}

#endif

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
HWY_EXPORT(MakePixelWeights);
HWY_EXPORT(RgbRow);
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

Image ResizeRows(const Image& image, int64_t width) {
  const Taps taps = MakeTaps(image.width, width);
  const auto channels = static_cast<size_t>(image.channels);
  const size_t in_bytes = static_cast<size_t>(image.width) * channels;
  const size_t out_bytes = static_cast<size_t>(width) * channels;
  Image result{.height = image.height, .width = width, .channels = image.channels, .pixels = {}};
  result.pixels.resize(static_cast<size_t>(image.height) * out_bytes);
  std::vector<uint8_t> in(in_bytes + 3 * taps.most + 2 * kPixelLoad), out(out_bytes + 1);
  const PixelWeights weights =
      channels == 3 ? HWY_DYNAMIC_DISPATCH(MakePixelWeights)(taps) : PixelWeights();
  for (size_t y = 0; y < static_cast<size_t>(image.height); ++y) {
    std::memcpy(in.data(), &image.pixels[y * in_bytes], in_bytes);
    if (channels == 3) {
      HWY_DYNAMIC_DISPATCH(RgbRow)(in.data(), taps, weights, out.data());
    } else {
      HWY_DYNAMIC_DISPATCH(GreyRow)(in.data(), taps, out.data());
    }
    std::memcpy(&result.pixels[y * out_bytes], out.data(), out_bytes);
  }
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
