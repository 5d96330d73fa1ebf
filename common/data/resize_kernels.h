// The inner loops of Resize(), compiled for each instruction set and chosen when the program starts
// (Highway's dispatch). Each gives the same bytes on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <hwy/aligned_allocator.h>

namespace tributary {

inline constexpr int kResizePrecision = 22;  // as Pillow's 8-bit filter; weights sum up to 1 << 22
inline constexpr size_t kResizeRows = 4;     // filtered at once, with the same weights

// What output pixels take from input pixels along one axis: `most` weights for each, with zeros
// behind those that it needs.
struct Taps {
  size_t most = 0;
  std::vector<size_t> first;     // input pixel that the first weight is for
  std::vector<size_t> count;     // of weights that are not padding
  std::vector<int32_t> weights;  // [output pixels, most], fixed point

  // Bytes that reading a row of RGB may go behind it.
  size_t reach() const { return 3 * most + 16; }
};

// The same weights of RGB pixels, as they meet the vectors of the instruction set in force.
struct PixelWeights {
  size_t vectors = 0;                              // for each output pixel
  hwy::AlignedFreeUniquePtr<int32_t[]> weights{};  // [output pixels, vectors, lanes]
};
PixelWeights MakePixelWeights(const Taps& taps);

// Filters kResizeRows rows of RGB, `in_step` and `out_step` bytes apart. Reads up to taps.reach()
// behind each row what weighs nothing, and writes a byte behind it.
void FilterRgbRows(const uint8_t* in, size_t in_step, const Taps& taps, const PixelWeights& weights,
                   uint8_t* out, size_t out_step);
// The same of grey pixels; keeps within the rows.
void FilterGreyRows(const uint8_t* in, size_t in_step, const Taps& taps, uint8_t* out,
                    size_t out_step);

// out[i] = the weighted sum of in[i] of `count` rows that lie `width` bytes apart.
void FilterColumns(const uint8_t* in, const int32_t* weights, size_t count, size_t width,
                   uint8_t* out);

}  // namespace tributary
