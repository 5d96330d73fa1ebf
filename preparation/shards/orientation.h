// The orientation that cameras note beside pixels (EXIF 2.3, tag 274).
#pragma once

#include "absl/strings/string_view.h"
#include "common/data/pixels.h"

namespace tributary {

// What a JPEG's EXIF, or a block of EXIF by itself (with or without "Exif\0\0"), says: 1 to 8; 1 if
// it says nothing or cannot be read. By libexif.
int OrientationInJpeg(absl::string_view bytes);
int OrientationInExif(absl::string_view block);

// `image`, stored with `orientation`, upright. 1, and what is no orientation, changes nothing.
Image Upright(Image image, int orientation);
// The reverse: as it is stored.
Image AsStored(Image upright, int orientation);

}  // namespace tributary
