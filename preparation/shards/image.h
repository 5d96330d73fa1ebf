// Decoding images of all formats that datasets come in. Only preparation needs it: what shards hold
// is decoded by common/data/stored_image.h.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/data/pixels.h"
#include "common/data/resize.h"

namespace tributary {

// Decodes JPEG, PNG or what else OpenCV knows, to RGB; transparent pixels over white. An
// orientation in EXIF is not applied. DataLoss if it cannot be decoded, ends early or is larger
// than kMostPixels (pixels.h).
absl::StatusOr<Image> DecodeImage(absl::string_view bytes);

// Draws an SVG, centred and as large as fits, on a white square of `size` pixels. DataLoss if it
// cannot be drawn.
absl::StatusOr<Image> DrawSvg(absl::string_view bytes, int64_t size);

}  // namespace tributary
