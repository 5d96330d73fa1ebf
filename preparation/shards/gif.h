// GIF, of which OpenCV reads none. By giflib.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "preparation/shards/picture.h"

namespace tributary {

bool IsGif(absl::string_view bytes);
// The first picture on its canvas; what it leaves open is transparent. DataLoss if it is damaged,
// cut short or larger than kMostPixels (pixels.h).
absl::StatusOr<Picture> DecodeGif(absl::string_view bytes);

}  // namespace tributary
