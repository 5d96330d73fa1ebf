#include "common/data/resize_kernels.h"

#include <algorithm>
#include <new>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "common/data/resize_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tributary {
namespace HWY_NAMESPACE {
namespace {

constexpr int32_t kHalf = 1 << (kResizePrecision - 1);

uint8_t Rounded(int32_t sum) {
  const int32_t value = sum >> kResizePrecision;
  return static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

void FilterGreyRows(const uint8_t* in, size_t in_step, const Taps& taps, uint8_t* out,
                    size_t out_step) {
  for (size_t i = 0; i < taps.first.size(); ++i) {
    const int32_t* weights = &taps.weights[i * taps.most];
    int32_t sums[kResizeRows];
    for (int32_t& sum : sums) sum = kHalf;
    // Weights reach from 0 to 2^22 and pixels to 255: a sum stays below 2^30.
    for (size_t row = 0; row < kResizeRows; ++row) {
      const uint8_t* from = in + row * in_step + taps.first[i];
      for (size_t tap = 0; tap < taps.count[i]; ++tap) sums[row] += weights[tap] * from[tap];
    }
    for (size_t row = 0; row < kResizeRows; ++row) out[row * out_step + i] = Rounded(sums[row]);
  }
}

#if HWY_TARGET == HWY_SCALAR

void FilterRgbRows(const uint8_t* in, size_t in_step, const Taps& taps,
                   const PixelWeights& /*weights*/, uint8_t* out, size_t out_step) {
  for (size_t row = 0; row < kResizeRows; ++row, in += in_step, out += out_step) {
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
hn::Vec<PixelSums> Fold(Tag /*tag*/, hn::Vec<Tag> sums) {
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
  if (result.weights == nullptr) throw std::bad_alloc();
  std::fill_n(result.weights.get(), count, 0);
  for (size_t i = 0; i < taps.first.size(); ++i) {
    int32_t* to = &result.weights[i * result.vectors * kLanes];
    for (size_t tap = 0; tap < taps.count[i]; ++tap) {
      for (size_t c = 0; c < 3; ++c) to[4 * tap + c] = taps.weights[i * taps.most + tap];
    }
  }
  return result;
}

void FilterRgbRows(const uint8_t* in, size_t in_step, const Taps& taps, const PixelWeights& weights,
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
    hn::StoreU(hn::DemoteTo(PixelBytes(), hn::ShiftRight<kResizePrecision>(whole)), PixelBytes(),
               to);
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

// A plain loop: the compiler vectorises it for the target in force.
void FilterColumns(const uint8_t* in, const int32_t* weights, size_t count, size_t width,
                   uint8_t* out) {
  constexpr size_t kAtOnce = 256;
  for (size_t begin = 0; begin < width; begin += kAtOnce) {
    const size_t length = width - begin < kAtOnce ? width - begin : kAtOnce;
    int32_t sums[kAtOnce];  // 1 KiB: stays in the fastest cache while the rows pass
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

HWY_EXPORT(MakePixelWeights);
HWY_EXPORT(FilterRgbRows);
HWY_EXPORT(FilterGreyRows);
HWY_EXPORT(FilterColumns);

PixelWeights MakePixelWeights(const Taps& taps) {
  return HWY_DYNAMIC_DISPATCH(MakePixelWeights)(taps);
}

void FilterRgbRows(const uint8_t* in, size_t in_step, const Taps& taps, const PixelWeights& weights,
                   uint8_t* out, size_t out_step) {
  HWY_DYNAMIC_DISPATCH(FilterRgbRows)(in, in_step, taps, weights, out, out_step);
}

void FilterGreyRows(const uint8_t* in, size_t in_step, const Taps& taps, uint8_t* out,
                    size_t out_step) {
  HWY_DYNAMIC_DISPATCH(FilterGreyRows)(in, in_step, taps, out, out_step);
}

void FilterColumns(const uint8_t* in, const int32_t* weights, size_t count, size_t width,
                   uint8_t* out) {
  HWY_DYNAMIC_DISPATCH(FilterColumns)(in, weights, count, width, out);
}

}  // namespace tributary
#endif  // HWY_ONCE
