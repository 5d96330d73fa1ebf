// What OpenCV does not tell of a PNG: transparency of grey pixels, and an orientation. By libpng.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

struct PngHeader {
  // The transparent level of a grey image (chunk tRNS), in 8 or 16 bits as the pixels are decoded.
  std::optional<int> clear_grey{};
  int orientation = 1;  // of chunk eXIf, where that stands before the pixels
};

bool IsPng(absl::string_view bytes);
// DataLoss, in libpng's words, if the chunks before the pixels are damaged or cut short, or the
// image is larger than kMostPixels (pixels.h).
absl::StatusOr<PngHeader> ReadPngHeader(absl::string_view bytes);

}  // namespace tributary
