// Conversions between float and the two 16-bit formats, whole spans at a time, little endian.
//
// Rounding is to nearest, ties to even. Magnitudes beyond the target's range become infinity, NaN
// stays NaN.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace tributary {

// IEEE 754 binary16. `halves`: room for values.size().
void FloatsToHalves(absl::Span<const float> values, uint16_t* halves);
// `bytes`: 2 * values.size().
void HalvesToFloats(absl::string_view bytes, absl::Span<float> values);

// bfloat16: the upper half of binary32.
void FloatsToBrainFloats(absl::Span<const float> values, uint16_t* halves);
void BrainFloatsToFloats(absl::string_view bytes, absl::Span<float> values);

}  // namespace tributary
