// Decoding images of all formats that datasets come in. Only preparation needs it: what shards hold
// is decoded by common/data/stored_image.h.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/data/pixels.h"
#include "common/data/resize.h"
#include "preparation/shards/image_decoding.h"

namespace tributary {

struct DecodedImage {
  Image image;  // RGB
  ImageTraits traits;
};

// Decodes JPEG, PNG, TIFF, WebP, GIF, DICOM or what else OpenCV knows (BMP, PNM, JPEG 2000), to
// RGB; transparent pixels over white; of several pictures the first. DataLoss if it cannot be
// decoded, ends early or is larger than kMostPixels (pixels.h); Unimplemented for DICOM where DCMTK
// was missing when this was built.
absl::StatusOr<DecodedImage> DecodeImageFile(absl::string_view bytes,
                                             const ImageDecoding& decoding);
// The same by the defaults: no orientation is applied, and 16 bits are 0 to 65,535.
absl::StatusOr<Image> DecodeImage(absl::string_view bytes);

// Draws an SVG, centred and as large as fits, on a white square of `size` pixels. DataLoss if it
// cannot be drawn.
absl::StatusOr<Image> DrawSvg(absl::string_view bytes, int64_t size);

}  // namespace tributary
