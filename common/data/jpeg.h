// JPEG files, decoded by libjpeg-turbo: the fast path of images, in preparation and in training.
//
// Pixels are those of libjpeg's accurate transform with smooth upsampling, which Pillow and
// torchvision give too. An orientation in EXIF is not applied, as there.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/data/pixels.h"

namespace tributary {

// Whether `bytes` begin as every JPEG does: FF D8 FF.
bool IsJpeg(absl::string_view bytes);

// To `channels` 1 or 3; CMYK and YCCK as Adobe writes them (inverted). DataLoss, in libjpeg's
// words, if the data end early, are corrupt, or say that they hold more than kMostPixels. Stray
// bytes before a marker are no damage.
absl::StatusOr<Image> DecodeJpeg(absl::string_view bytes, int64_t channels);

}  // namespace tributary
