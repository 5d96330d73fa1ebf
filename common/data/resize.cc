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

constexpr int kPrecision = 22;  // as Pillow's 8-bit filter; weights sum up to 1 << 22
constexpr size_t kRows = 4;     // filtered at once, with the same weights
constexpr size_t kLoad = 16;    // bytes read at once

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

// kRows rows of grey pixels, `in_step` and `out_step` bytes apart.
void GreyRows(const uint8_t* in, size_t in_step, const Taps& taps, uint8_t* out, size_t out_step) {
  for (size_t i = 0; i < taps.first.size(); ++i) {
    const int32_t* weights = &taps.weights[i * taps.most];
    int32_t sums[kRows];
    for (int32_t& sum : sums) sum = kHalf;
    for (size_t row = 0; row < kRows; ++row) {
      const uint8_t* from = in + row * in_step + taps.first[i];
      for (size_t tap = 0; tap < taps.count[i]; ++tap) sums[row] += weights[tap] * from[tap];
    }
    for (size_t row = 0; row < kRows; ++row) out[row * out_step + i] = Rounded(sums[row]);
  }
}

#if HWY_TARGET == HWY_SCALAR

void RgbRows(const uint8_t* in, size_t in_step, const Taps& taps, const PixelWeights& /*weights*/,
             uint8_t* out, size_t out_step) {
  for (size_t row = 0; row < kRows; ++row, in += in_step, out += out_step) {
    for (size_t i = 0; i < 3 * taps.first.size(); ++i) {
      const uint8_t* from = in + 3 * taps.first[i / 3] + i % 3;
      const int32_t* weights = &taps.weights[i / 3 * taps.most];
      int32_t sum = kHalf;
      for (size_t tap = 0; tap < taps.count[i / 3]; ++tap) sum += weights[tap] * from[3 * tap];
      out[i] = Rounded(sum);
    }
  }
}

PixelWeights MakePixelWeights(const Taps& /*taps*/) { return {}; }

#else

namespace hn = hwy::HWY_NAMESPACE;

constexpr uint8_t kNothing = 0x80;  // as a place: 0

// A pixel is four values; one or two at once. Four gained nothing.
constexpr size_t kLanes = HWY_HAVE_SCALABLE ? 4 : HWY_MIN(8, HWY_LANES(int32_t));
using Sums = hn::FixedTag<int32_t, kLanes>;
using Bytes = hn::FixedTag<uint8_t, 4 * kLanes>;
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

// kRows rows of RGB, `in_step` and `out_step` bytes apart. Reads behind a row what weighs nothing,
// and writes a byte behind it.
void RgbRows(const uint8_t* in, size_t in_step, const Taps& taps, const PixelWeights& weights,
             uint8_t* out, size_t out_step) {
  const Sums sums;
  const Bytes bytes;
  // Each pixel of a vector takes three bytes of the 16 that are loaded, and makes them 32 bits
  // wide.
  HWY_ALIGN uint8_t places[4 * kLanes];
  for (size_t i = 0; i < 4 * kLanes; ++i) {
    const size_t lane = i / 4;
    places[i] = i % 4 == 0 ? static_cast<uint8_t>(lane / 4 * 3 + lane % 4) : kNothing;
  }
  const auto spread = hn::Load(bytes, places);
  const auto add = [&](const uint8_t* from, hn::Vec<Sums> weight, hn::Vec<Sums>* sum) {
    const auto pixels = hn::TableLookupBytesOr0(hn::LoadDup128(bytes, from), spread);
    *sum = hn::Add(*sum, hn::Mul(hn::BitCast(sums, pixels), weight));
  };
  const auto store = [&](hn::Vec<Sums> sum, uint8_t* to) {
    const auto whole = hn::Add(Fold(sums, sum), hn::Set(PixelSums(), kHalf));
    hn::StoreU(hn::DemoteTo(PixelBytes(), hn::ShiftRight<kPrecision>(whole)), PixelBytes(), to);
  };
  const int32_t* weight = weights.weights.get();
  const size_t vectors = weights.vectors, pixels = taps.first.size();
  const size_t* first = taps.first.data();
  for (size_t i = 0; i < pixels; ++i) {
    const uint8_t* from = in + 3 * first[i];
    auto sum0 = hn::Zero(sums), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (size_t vector = 0; vector < vectors; ++vector) {
      const auto weighing = hn::Load(sums, weight);
      add(from, weighing, &sum0);
      add(from + in_step, weighing, &sum1);
      add(from + 2 * in_step, weighing, &sum2);
      add(from + 3 * in_step, weighing, &sum3);
      from += kLanes / 4 * 3;
      weight += kLanes;
    }
    store(sum0, out + 3 * i);
    store(sum1, out + out_step + 3 * i);
    store(sum2, out + 2 * out_step + 3 * i);
    store(sum3, out + 3 * out_step + 3 * i);
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

HWY_EXPORT(GreyRows);
HWY_EXPORT(MakePixelWeights);
HWY_EXPORT(RgbRows);
HWY_EXPORT(Column);

// The weights of `count` pixels from `first` on, by their distance from `centre`.
void SetTriangle(double centre, double radius, size_t first, size_t count, int32_t* weights) {
  const auto weight = [&](size_t i) {
    const double distance = static_cast<double>(first + i) - centre + 0.5;
    return std::max(0.0, 1 - std::abs(distance / radius));
  };
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += weight(i);
  for (size_t i = 0; i < count; ++i) {
    weights[i] = static_cast<int32_t>(std::lround(weight(i) / sum * (1 << kPrecision)));
  }
}

Taps MakeTaps(int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double radius = std::max(scale, 1.0);
  const auto centre = [&](size_t i) { return (static_cast<double>(i) + 0.5) * scale; };
  Taps taps;
  for (size_t i = 0; i < static_cast<size_t>(to); ++i) {
    // Pillow truncates here, and so does this.
    // NOLINTBEGIN(bugprone-incorrect-roundings)
    const auto first = std::max<int64_t>(0, static_cast<int64_t>(centre(i) - radius + 0.5));
    const auto last = std::min<int64_t>(from, static_cast<int64_t>(centre(i) + radius + 0.5));
    // NOLINTEND(bugprone-incorrect-roundings)
    taps.first.push_back(static_cast<size_t>(first));
    taps.count.push_back(static_cast<size_t>(last - first));
    taps.most = std::max(taps.most, taps.count.back());
  }
  taps.weights.resize(taps.most * static_cast<size_t>(to));
  for (size_t i = 0; i < static_cast<size_t>(to); ++i) {
    SetTriangle(centre(i), radius, taps.first[i], taps.count[i], &taps.weights[i * taps.most]);
  }
  return taps;
}

Image ResizeRows(const Image& image, int64_t width) {
  const Taps taps = MakeTaps(image.width, width);
  const auto channels = static_cast<size_t>(image.channels);
  const auto height = static_cast<size_t>(image.height);
  const size_t in_bytes = static_cast<size_t>(image.width) * channels;
  const size_t out_bytes = static_cast<size_t>(width) * channels;
  Image result{.height = image.height, .width = width, .channels = image.channels, .pixels = {}};
  result.pixels.resize(height * out_bytes);
  const PixelWeights weights =
      channels == 3 ? HWY_DYNAMIC_DISPATCH(MakePixelWeights)(taps) : PixelWeights();
  const size_t reach = 3 * taps.most + kLoad;  // of what is read behind a row
  std::vector<uint8_t> last(kRows * in_bytes + reach), out(kRows * (out_bytes + 1));
  for (size_t y = 0; y < height; y += kRows) {
    const size_t rows = std::min(kRows, height - y);
    const uint8_t* in = &image.pixels[y * in_bytes];
    if (image.pixels.size() - y * in_bytes < last.size()) {
      std::memcpy(last.data(), in, rows * in_bytes);
      in = last.data();
    }
    if (channels == 3) {
      HWY_DYNAMIC_DISPATCH(RgbRows)(in, in_bytes, taps, weights, out.data(), out_bytes + 1);
    } else {
      HWY_DYNAMIC_DISPATCH(GreyRows)(in, in_bytes, taps, out.data(), out_bytes + 1);
    }
    for (size_t row = 0; row < rows; ++row) {
      std::memcpy(&result.pixels[(y + row) * out_bytes], &out[row * (out_bytes + 1)], out_bytes);
    }
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
