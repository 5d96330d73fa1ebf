#include "common/data/pixels.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace tributary {

absl::Status CheckImageSides(int64_t height, int64_t width) {
  if (height < 1 || width < 1) {
    return absl::DataLossError(
        absl::StrCat("the image says that it is ", width, " x ", height, " pixels large"));
  }
  if (height > kLongestSide || width > kLongestSide) {
    return absl::DataLossError(absl::StrCat("the image says that it is ", width, " x ", height,
                                            " pixels large; at most ", kLongestSide,
                                            " a side are read"));
  }
  if (height <= kMostPixels / width) return absl::OkStatus();  // their product might overflow
  return absl::DataLossError(absl::StrCat("the image says that it is ", width, " x ", height,
                                          " pixels large; at most ", kMostPixels / 1'000'000,
                                          " megapixels are read"));
}

Image ToChannels(Image image, int64_t channels) {
  if (image.channels == channels) return image;
  const auto count = static_cast<size_t>(image.height * image.width);
  Image result{.height = image.height, .width = image.width, .channels = channels, .pixels = {}};
  result.pixels.resize(count * static_cast<size_t>(channels));
  const uint8_t* from = image.pixels.data();
  uint8_t* to = result.pixels.data();
  for (size_t i = 0; i < count; ++i) {
    if (channels == 1) {
      // .299, .587 and .114 in 1/65536: the weights add up to 65536, so that grey stays grey.
      const uint8_t* rgb = from + 3 * i;
      to[i] =
          static_cast<uint8_t>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
    } else {
      to[3 * i] = to[3 * i + 1] = to[3 * i + 2] = from[i];
    }
  }
  return result;
}

}  // namespace tributary
