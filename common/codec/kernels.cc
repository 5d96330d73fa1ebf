#include "common/codec/kernels.h"

#include <bit>
#include <cmath>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "common/codec/kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tributary {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Most loops are plain, since the compiler vectorises them for each target. Where it does not
// (planes), Highway's operations are named. Floats are read as bits through memcpy(), which
// alignment and aliasing allow and which costs nothing.

uint32_t LargestMagnitudeBits(const float* values, size_t count) {
  uint32_t largest = 0;
  for (size_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, values + i, sizeof(bits));
    bits &= 0x7fffffff;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}

void FloatsToHalves(const float* values, size_t count, uint16_t* halves) {
  for (size_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, values + i, sizeof(bits));
    const uint32_t sign = (bits >> 16) & 0x8000;
    const uint32_t magnitude = bits & 0x7fffffff;
    // Magnitudes from 2^16 on become infinity; NaN becomes a quiet NaN.
    const uint32_t beyond = magnitude > 0x7f800000 ? 0x7e00 : 0x7c00;
    // Magnitudes below 2^-14 are subnormal in 16 bits. Adding 0.5, whose last place is 2^-24, makes
    // the adder round to the format's smallest step; the difference of the bits is the mantissa.
    float shifted;
    std::memcpy(&shifted, &magnitude, sizeof(shifted));
    shifted += 0.5F;
    uint32_t subnormal;
    std::memcpy(&subnormal, &shifted, sizeof(subnormal));
    subnormal -= 0x3f000000;
    // In between the exponent is rebiased by 112. 0xfff plus the lowest kept bit rounds to nearest
    // even; a carry runs into the exponent, and at the top into infinity, as it should.
    const uint32_t normal = (magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13;
    const uint32_t half = magnitude >= 0x47800000  ? beyond
                          : magnitude < 0x38800000 ? subnormal
                                                   : normal;
    halves[i] = static_cast<uint16_t>(sign | half);
  }
}

void HalvesToFloats(const char* bytes, size_t count, float* values) {
  for (size_t i = 0; i < count; ++i) {
    uint16_t half;
    std::memcpy(&half, bytes + 2 * i, sizeof(half));
    const uint32_t sign = (half & 0x8000U) << 16;
    const uint32_t exponent = (half >> 10) & 0x1f;
    const uint32_t mantissa = half & 0x3ff;
    const float small = static_cast<float>(static_cast<int32_t>(mantissa)) * 0x1.0p-24F;
    uint32_t subnormal;
    std::memcpy(&subnormal, &small, sizeof(subnormal));
    const uint32_t beyond = 0x7f800000 | mantissa << 13;
    const uint32_t normal = (exponent + 112) << 23 | mantissa << 13;
    const uint32_t bits = sign | (exponent == 0x1f ? beyond : exponent == 0 ? subnormal : normal);
    std::memcpy(values + i, &bits, sizeof(bits));
  }
}

void FloatsToBrainFloats(const float* values, size_t count, uint16_t* halves) {
  for (size_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, values + i, sizeof(bits));
    const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    const uint32_t quiet = bits >> 16 | 0x40;
    halves[i] = static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
  }
}

void BrainFloatsToFloats(const char* bytes, size_t count, float* values) {
  for (size_t i = 0; i < count; ++i) {
    uint16_t half;
    std::memcpy(&half, bytes + 2 * i, sizeof(half));
    const uint32_t bits = static_cast<uint32_t>(half) << 16;
    std::memcpy(values + i, &bits, sizeof(bits));
  }
}

void SplitPlanes2(const char* items, size_t count, char* planes) {
  const hn::ScalableTag<uint8_t> tag;
  const auto* from = reinterpret_cast<const uint8_t*>(items);
  auto* to = reinterpret_cast<uint8_t*>(planes);
  size_t i = 0;
  for (; i + hn::Lanes(tag) <= count; i += hn::Lanes(tag)) {
    hn::Vec<decltype(tag)> first, second;
    hn::LoadInterleaved2(tag, from + 2 * i, first, second);
    hn::StoreU(first, tag, to + i);
    hn::StoreU(second, tag, to + count + i);
  }
  for (; i < count; ++i) {
    for (size_t plane = 0; plane < 2; ++plane) to[plane * count + i] = from[2 * i + plane];
  }
}

void SplitPlanes4(const char* items, size_t count, char* planes) {
  const hn::ScalableTag<uint8_t> tag;
  const auto* from = reinterpret_cast<const uint8_t*>(items);
  auto* to = reinterpret_cast<uint8_t*>(planes);
  size_t i = 0;
  for (; i + hn::Lanes(tag) <= count; i += hn::Lanes(tag)) {
    hn::Vec<decltype(tag)> first, second, third, fourth;
    hn::LoadInterleaved4(tag, from + 4 * i, first, second, third, fourth);
    hn::StoreU(first, tag, to + i);
    hn::StoreU(second, tag, to + count + i);
    hn::StoreU(third, tag, to + 2 * count + i);
    hn::StoreU(fourth, tag, to + 3 * count + i);
  }
  for (; i < count; ++i) {
    for (size_t plane = 0; plane < 4; ++plane) to[plane * count + i] = from[4 * i + plane];
  }
}

void JoinPlanes2(const char* planes, size_t stride, size_t count, char* items) {
  const hn::ScalableTag<uint8_t> tag;
  const auto* from = reinterpret_cast<const uint8_t*>(planes);
  auto* to = reinterpret_cast<uint8_t*>(items);
  size_t i = 0;
  for (; i + hn::Lanes(tag) <= count; i += hn::Lanes(tag)) {
    hn::StoreInterleaved2(hn::LoadU(tag, from + i), hn::LoadU(tag, from + stride + i), tag,
                          to + 2 * i);
  }
  for (; i < count; ++i) {
    for (size_t plane = 0; plane < 2; ++plane) to[2 * i + plane] = from[plane * stride + i];
  }
}

void JoinPlanes4(const char* planes, size_t stride, size_t count, char* items) {
  const hn::ScalableTag<uint8_t> tag;
  const auto* from = reinterpret_cast<const uint8_t*>(planes);
  auto* to = reinterpret_cast<uint8_t*>(items);
  size_t i = 0;
  for (; i + hn::Lanes(tag) <= count; i += hn::Lanes(tag)) {
    hn::StoreInterleaved4(hn::LoadU(tag, from + i), hn::LoadU(tag, from + stride + i),
                          hn::LoadU(tag, from + 2 * stride + i),
                          hn::LoadU(tag, from + 3 * stride + i), tag, to + 4 * i);
  }
  for (; i < count; ++i) {
    for (size_t plane = 0; plane < 4; ++plane) to[4 * i + plane] = from[plane * stride + i];
  }
}

void Quantise(const float* values, size_t count, float inverse, float most, int8_t* codes) {
  for (size_t i = 0; i < count; ++i) {
    // Limits first, so that the code fits. Then adding 1.5 * 2^23, whose last place is 1, rounds to
    // nearest even, and the low bits of the sum are the code. Unlike lrint() this is vectorised.
    float code = values[i] * inverse;
    code = code < -most ? -most : code > most ? most : code;
    const float shifted = code + 0x1.8p23F;
    int32_t bits;
    std::memcpy(&bits, &shifted, sizeof(bits));
    codes[i] = static_cast<int8_t>(bits - 0x4b400000);
  }
}

void Scale(const int8_t* codes, size_t count, float scale, float* values) {
  for (size_t i = 0; i < count; ++i) {
    values[i] = scale * static_cast<float>(static_cast<int32_t>(codes[i]));
  }
}

void PackNibbles(const int8_t* codes, size_t count, uint8_t* bytes) {
  for (size_t i = 0; i < count / 2; ++i) {
    bytes[i] = static_cast<uint8_t>((codes[2 * i] + 8) | (codes[2 * i + 1] + 8) << 4);
  }
  if (count % 2 != 0) bytes[count / 2] = static_cast<uint8_t>((codes[count - 1] + 8) | 8 << 4);
}

bool ScaleNibbles(const uint8_t* bytes, size_t count, float scale, float* values) {
  uint32_t zeros = 0;
  for (size_t i = 0; i < count / 2; ++i) {
    const int32_t low = bytes[i] & 15;
    const int32_t high = bytes[i] >> 4;
    zeros |= static_cast<uint32_t>(low == 0) | static_cast<uint32_t>(high == 0);
    values[2 * i] = scale * static_cast<float>(low - 8);
    values[2 * i + 1] = scale * static_cast<float>(high - 8);
  }
  if (count % 2 != 0) {
    const int32_t low = bytes[count / 2] & 15;
    zeros |= static_cast<uint32_t>(low == 0);
    values[count - 1] = scale * static_cast<float>(low - 8);
  }
  return zeros == 0;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tributary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tributary {

HWY_EXPORT(LargestMagnitudeBits);
HWY_EXPORT(FloatsToHalves);
HWY_EXPORT(HalvesToFloats);
HWY_EXPORT(FloatsToBrainFloats);
HWY_EXPORT(BrainFloatsToFloats);
HWY_EXPORT(SplitPlanes2);
HWY_EXPORT(SplitPlanes4);
HWY_EXPORT(JoinPlanes2);
HWY_EXPORT(JoinPlanes4);
HWY_EXPORT(Quantise);
HWY_EXPORT(Scale);
HWY_EXPORT(PackNibbles);
HWY_EXPORT(ScaleNibbles);

uint32_t LargestMagnitudeBits(absl::Span<const float> values) {
  return HWY_DYNAMIC_DISPATCH(LargestMagnitudeBits)(values.data(), values.size());
}

void FloatsToHalves(absl::Span<const float> values, uint16_t* halves) {
  HWY_DYNAMIC_DISPATCH(FloatsToHalves)(values.data(), values.size(), halves);
}

void HalvesToFloats(const char* halves, absl::Span<float> values) {
  HWY_DYNAMIC_DISPATCH(HalvesToFloats)(halves, values.size(), values.data());
}

void FloatsToBrainFloats(absl::Span<const float> values, uint16_t* halves) {
  HWY_DYNAMIC_DISPATCH(FloatsToBrainFloats)(values.data(), values.size(), halves);
}

void BrainFloatsToFloats(const char* halves, absl::Span<float> values) {
  HWY_DYNAMIC_DISPATCH(BrainFloatsToFloats)(halves, values.size(), values.data());
}

void SplitPlanes2(const char* items, size_t count, char* planes) {
  HWY_DYNAMIC_DISPATCH(SplitPlanes2)(items, count, planes);
}

void SplitPlanes4(const char* items, size_t count, char* planes) {
  HWY_DYNAMIC_DISPATCH(SplitPlanes4)(items, count, planes);
}

void JoinPlanes2(const char* planes, size_t stride, size_t count, char* items) {
  HWY_DYNAMIC_DISPATCH(JoinPlanes2)(planes, stride, count, items);
}

void JoinPlanes4(const char* planes, size_t stride, size_t count, char* items) {
  HWY_DYNAMIC_DISPATCH(JoinPlanes4)(planes, stride, count, items);
}

void Quantise(absl::Span<const float> values, float inverse, float most, int8_t* codes) {
  HWY_DYNAMIC_DISPATCH(Quantise)(values.data(), values.size(), inverse, most, codes);
}

void Scale(const int8_t* codes, float scale, absl::Span<float> values) {
  HWY_DYNAMIC_DISPATCH(Scale)(codes, values.size(), scale, values.data());
}

void PackNibbles(const int8_t* codes, size_t count, uint8_t* bytes) {
  HWY_DYNAMIC_DISPATCH(PackNibbles)(codes, count, bytes);
}

bool ScaleNibbles(const uint8_t* bytes, float scale, absl::Span<float> values) {
  return HWY_DYNAMIC_DISPATCH(ScaleNibbles)(bytes, values.size(), scale, values.data());
}

}  // namespace tributary
#endif  // HWY_ONCE
