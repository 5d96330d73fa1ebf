#include "server/aggregation/fixed_point.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "common/codec/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "server/aggregation/fixed_point.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tributary {
namespace HWY_NAMESPACE {
namespace {

// For products below 2^51 in magnitude: adding 1.5 * 2^52 rounds to the nearest integer, ties to
// even, and leaves it in the low bits. Few instruction sets can convert to 64-bit integers.
void AddSmall(const float* values, size_t count, double scale, int64_t* sums) {
  constexpr double kMagic = 0x1.8p52;
  constexpr int64_t kMagicBits = 0x4338000000000000;
  for (size_t i = 0; i < count; ++i) {
    const double shifted = static_cast<double>(values[i]) * scale + kMagic;
    int64_t bits;
    std::memcpy(&bits, &shifted, sizeof(bits));
    sums[i] += bits - kMagicBits;
  }
}

void Read(const int64_t* sums, size_t count, double* values) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<double> doubles;
  const hn::RebindToSigned<decltype(doubles)> integers;
  const auto unit = hn::Set(doubles, 1 / kFixedPointOne);
  const size_t lanes = hn::Lanes(doubles);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto sum = hn::LoadU(integers, sums + i);
    hn::StoreU(hn::Mul(hn::ConvertTo(doubles, sum), unit), doubles, values + i);
  }
  for (; i < count; ++i) values[i] = static_cast<double>(sums[i]) / kFixedPointOne;
}

void AddSums(const int64_t* sums, size_t count, double factor, float* values) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<double> doubles;
  const hn::RebindToSigned<decltype(doubles)> integers;
  const hn::Rebind<float, decltype(doubles)> floats;
  const auto unit = hn::Set(doubles, 1 / kFixedPointOne);
  const auto factors = hn::Set(doubles, factor);
  const size_t lanes = hn::Lanes(doubles);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto sum = hn::Mul(hn::ConvertTo(doubles, hn::LoadU(integers, sums + i)), unit);
    const auto old = hn::PromoteTo(doubles, hn::LoadU(floats, values + i));
    hn::StoreU(hn::DemoteTo(floats, hn::Add(old, hn::Mul(sum, factors))), floats, values + i);
  }
  for (; i < count; ++i) {
    const double sum = static_cast<double>(sums[i]) / kFixedPointOne;
    values[i] = static_cast<float>(static_cast<double>(values[i]) + sum * factor);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tributary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tributary {

HWY_EXPORT(AddSmall);
HWY_EXPORT(Read);
HWY_EXPORT(AddSums);

namespace {

// Prefetches the block after `block`. Callers go through several arrays in turn, a block of each:
// runs too short for the hardware prefetcher to detect. Prefetching past the end of the array is
// harmless: it reads nothing.
template <int kForWriting>
void FetchNext(absl::Span<const float> block) {
  constexpr size_t kCacheLine = 64;
  const auto* next = reinterpret_cast<const char*>(block.data() + block.size());
  for (size_t offset = 0; offset < block.size() * sizeof(float); offset += kCacheLine) {
    __builtin_prefetch(next + offset, kForWriting);
  }
}

}  // namespace

void AddFixedPoint(absl::Span<const float> values, double scale, absl::Span<int64_t> sums) {
  constexpr size_t kBlock = 1024;  // the second pass over it hits the L1 cache
  for (size_t begin = 0; begin < values.size(); begin += kBlock) {
    const absl::Span<const float> block = values.subspan(begin, kBlock);
    int64_t* const to = sums.data() + begin;
    FetchNext<0>(block);
    const double largest = std::bit_cast<float>(LargestMagnitudeBits(block));
    if (largest * scale < 0x1.0p51) {
      HWY_DYNAMIC_DISPATCH(AddSmall)(block.data(), block.size(), scale, to);
      continue;
    }
    for (size_t i = 0; i < block.size(); ++i) {
      to[i] += static_cast<int64_t>(std::nearbyint(static_cast<double>(block[i]) * scale));
    }
  }
}

void ReadFixedPoint(absl::Span<const int64_t> sums, absl::Span<double> values) {
  HWY_DYNAMIC_DISPATCH(Read)(sums.data(), sums.size(), values.data());
}

void AddSums(absl::Span<const int64_t> sums, double factor, absl::Span<float> values) {
  FetchNext<1>(values);
  HWY_DYNAMIC_DISPATCH(AddSums)(sums.data(), sums.size(), factor, values.data());
}

}  // namespace tributary
#endif  // HWY_ONCE
