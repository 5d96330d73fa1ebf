// What OpenCV does not tell of a TIFF: its orientation, its kind of transparency, further pages. By
// libtiff.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

struct TiffHeader {
  int orientation = 1;         // tag 274
  bool premultiplied = false;  // how OpenCV hands its transparent pixels over
  bool more_pages = false;
};

bool IsTiff(absl::string_view bytes);
// Of the first page. DataLoss if it has none that can be read, or is larger than kMostPixels
// (pixels.h).
absl::StatusOr<TiffHeader> ReadTiffHeader(absl::string_view bytes);

}  // namespace tributary
