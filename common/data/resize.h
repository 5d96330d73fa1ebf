// Resizing, with the very bytes of Pillow's bilinear filter.
#pragma once

#include <cstdint>

#include "common/data/pixels.h"

namespace tributary {

// Bilinear and antialiased: a triangle filter as wide as the scale, columns then rows, each rounded
// to uint8. All sides are at least 1. Source: docs/algorithm.md section 2; golden/image_resize.
//
// The same bytes on every machine: whole numbers only, in the widest instructions there are.
Image Resize(const Image& image, int64_t height, int64_t width);

}  // namespace tributary
