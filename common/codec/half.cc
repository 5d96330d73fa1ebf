#include "common/codec/half.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace tributary {
namespace {

// Portable and branch-light, so that the compiler can vectorise the loops below.
uint16_t ToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000;
  const uint32_t magnitude = bits & 0x7fffffff;
  uint32_t half;
  if (magnitude >= 0x47800000) {  // 2^16 and beyond, infinity, NaN
    half = magnitude > 0x7f800000 ? 0x7e00 : 0x7c00;
  } else if (magnitude < 0x38800000) {  // below 2^-14: subnormal, rounded by the adder
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    half = std::bit_cast<uint32_t>(shifted) - 0x3f000000;
  } else {  // rebias the exponent, round to nearest even; may carry into infinity
    half = (magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  }
  return static_cast<uint16_t>(sign | half);
}

float FromHalf(uint16_t half) {
  const uint32_t sign = (half & 0x8000U) << 16;
  const uint32_t exponent = (half >> 10) & 0x1f;
  const uint32_t mantissa = half & 0x3ff;
  uint32_t bits;
  if (exponent == 0x1f) {
    bits = 0x7f800000 | mantissa << 13;
  } else if (exponent == 0) {
    bits = std::bit_cast<uint32_t>(static_cast<float>(mantissa) * 0x1.0p-24F);
  } else {
    bits = (exponent + 112) << 23 | mantissa << 13;
  }
  return std::bit_cast<float>(sign | bits);
}

uint16_t ToBrainFloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

}  // namespace

void FloatsToHalves(absl::Span<const float> values, uint16_t* halves) {
  for (size_t i = 0; i < values.size(); ++i) halves[i] = ToHalf(values[i]);
}

void HalvesToFloats(absl::string_view bytes, absl::Span<float> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t half;
    std::memcpy(&half, bytes.data() + 2 * i, sizeof(half));
    values[i] = FromHalf(half);
  }
}

void FloatsToBrainFloats(absl::Span<const float> values, uint16_t* halves) {
  for (size_t i = 0; i < values.size(); ++i) halves[i] = ToBrainFloat(values[i]);
}

void BrainFloatsToFloats(absl::string_view bytes, absl::Span<float> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t half;
    std::memcpy(&half, bytes.data() + 2 * i, sizeof(half));
    values[i] = std::bit_cast<float>(static_cast<uint32_t>(half) << 16);
  }
}

}  // namespace tributary
