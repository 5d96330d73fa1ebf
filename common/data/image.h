// Images as bytes: decoding, drawing, resizing.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

// Rows from top to bottom, channels interleaved (RGB).
struct Image {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;
};

// Decodes PNG, JPEG or what else OpenCV knows, to RGB; transparent pixels over white. DataLoss if
// it cannot be decoded.
absl::StatusOr<Image> DecodeImage(absl::string_view bytes);

// Draws an SVG, centred and as large as fits, on a white square of `size` pixels. DataLoss if it
// cannot be drawn.
absl::StatusOr<Image> DrawSvg(absl::string_view bytes, int64_t size);

// Bilinear and antialiased, as Pillow does it: a triangle filter as wide as the scale, columns then
// rows, each rounded to uint8. Source: algorithm.md section 2; golden/image_resize.
Image Resize(const Image& image, int64_t height, int64_t width);

}  // namespace tributary
