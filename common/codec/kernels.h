// The inner loops of codecs, compiled for each instruction set; Highway chooses one at run time.
// All of them give the same bits on every machine.
//
// Byte pointers need no alignment. Numbers are little endian.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace tributary {

// The largest magnitude, as the bits of a non-negative float: infinity and NaN compare above every
// number. 0 for no values.
uint32_t LargestMagnitudeBits(absl::Span<const float> values);
inline constexpr uint32_t kLargestFiniteBits = 0x7f7fffff;

// IEEE 754 binary16, rounded to nearest even; beyond its range infinity, NaN stays NaN.
void FloatsToHalves(absl::Span<const float> values, uint16_t* halves);
void HalvesToFloats(const char* halves, absl::Span<float> values);

// bfloat16, the upper half of binary32, rounded to nearest even.
void FloatsToBrainFloats(absl::Span<const float> values, uint16_t* halves);
void BrainFloatsToFloats(const char* halves, absl::Span<float> values);

// Takes `count` items of 2 or 4 bytes apart: first bytes to planes[0, count), second bytes behind
// them ...
void SplitPlanes2(const char* items, size_t count, char* planes);
void SplitPlanes4(const char* items, size_t count, char* planes);
// The inverse for `count` of `stride` items: plane p begins at planes + p * stride.
void JoinPlanes2(const char* planes, size_t stride, size_t count, char* items);
void JoinPlanes4(const char* planes, size_t stride, size_t count, char* items);

// codes[i] = values[i] * inverse, rounded to nearest even and held within -most ... most.
void Quantise(absl::Span<const float> values, float inverse, float most, int8_t* codes);
// values[i] = scale * codes[i].
void Scale(const int8_t* codes, float scale, absl::Span<float> values);

// 4-bit codes, two to a byte, the earlier in the low half, each stored as code + 8. `values`: an
// even number but for the last byte's second half.
void PackNibbles(const int8_t* codes, size_t count, uint8_t* bytes);
// False if a stored code is 0.
bool ScaleNibbles(const uint8_t* bytes, float scale, absl::Span<float> values);

}  // namespace tributary
