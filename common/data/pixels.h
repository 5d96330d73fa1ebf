// Images as pixels in memory. What makes them: jpeg.h, image.h, stored_image.h; what changes them:
// resize.h, transforms.h.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"

namespace tributary {

// Rows from top to bottom, channels interleaved (RGB).
struct Image {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;
};

// No image that is read may be larger, whatever its few bytes claim: 192 MB in three channels.
inline constexpr int64_t kMostPixels = 64'000'000;
inline constexpr int64_t kLongestSide = 65'535;  // JPEG's own

// DataLoss unless both sides are from 1 to kLongestSide and there are at most kMostPixels.
absl::Status CheckImageSides(int64_t height, int64_t width);

// The image with `channels` 1 or 3, of one with 1 or 3: grey repeated, or ITU-R 601's luma of RGB
// with Pillow's rounding.
Image ToChannels(Image image, int64_t channels);

}  // namespace tributary
