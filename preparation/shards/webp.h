// WebP with what OpenCV passes over: animations and an orientation. By libwebp.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "preparation/shards/picture.h"

namespace tributary {

bool IsWebp(absl::string_view bytes);
// The picture, or the first one of an animation. DataLoss if it is damaged, cut short or larger
// than kMostPixels (pixels.h).
absl::StatusOr<Picture> DecodeWebp(absl::string_view bytes);

}  // namespace tributary
