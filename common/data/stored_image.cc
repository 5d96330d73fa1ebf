#include "common/data/stored_image.h"

#include <array>
#include <cstring>
#include <utility>

#include <zstd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/data/jpeg.h"

namespace tributary {
namespace {

constexpr absl::string_view kPixelMagic = "TRIBPIX1";
constexpr int kZstdLevel = 3;  // zstd's default

struct Sides {
  uint32_t height = 0, width = 0, channels = 0;
};
constexpr size_t kHeader = kPixelMagic.size() + sizeof(Sides);

absl::StatusOr<Image> LoadPixels(absl::string_view stored) {
  Sides sides;
  if (stored.size() < kHeader) return absl::DataLossError("stored pixels end within their header");
  std::memcpy(&sides, stored.data() + kPixelMagic.size(), sizeof(sides));
  RETURN_IF_ERROR(CheckImageSides(sides.height, sides.width));
  if (sides.channels != 1 && sides.channels != 3) {
    return absl::DataLossError(
        absl::StrCat("stored pixels have ", sides.channels, " channels; expected 1 or 3"));
  }
  Image image{
      .height = sides.height, .width = sides.width, .channels = sides.channels, .pixels = {}};
  const absl::string_view packed = stored.substr(kHeader);
  const auto bytes = static_cast<size_t>(image.height * image.width * image.channels);
  // Asked first, so that no memory is taken for pixels that are not there.
  if (ZSTD_getFrameContentSize(packed.data(), packed.size()) != bytes) {
    return absl::DataLossError(
        absl::StrCat("stored pixels do not hold the ", bytes, " bytes that their header says"));
  }
  image.pixels.resize(bytes);
  const size_t got = ZSTD_decompress(image.pixels.data(), bytes, packed.data(), packed.size());
  if (got == bytes) return image;
  return absl::DataLossError(
      absl::StrCat("stored pixels do not unpack: ",
                   ZSTD_isError(got) != 0 ? ZSTD_getErrorName(got) : "too few bytes"));
}

}  // namespace

std::string StoreImage(absl::string_view source, const Image& decoded) {
  if (IsJpeg(source)) return std::string(source);
  const Sides sides = {.height = static_cast<uint32_t>(decoded.height),
                       .width = static_cast<uint32_t>(decoded.width),
                       .channels = static_cast<uint32_t>(decoded.channels)};
  std::string stored(kPixelMagic);
  stored.append(reinterpret_cast<const char*>(&sides), sizeof(sides));
  stored.resize(kHeader + ZSTD_compressBound(decoded.pixels.size()));
  const size_t packed = ZSTD_compress(stored.data() + kHeader, stored.size() - kHeader,
                                      decoded.pixels.data(), decoded.pixels.size(), kZstdLevel);
  stored.resize(kHeader + packed);  // with room for the bound it cannot fail
  return stored;
}

absl::StatusOr<Image> LoadStoredImage(absl::Span<const uint8_t> stored, int64_t channels) {
  const absl::string_view bytes(reinterpret_cast<const char*>(stored.data()), stored.size());
  if (IsJpeg(bytes)) return DecodeJpeg(bytes, channels);
  if (!absl::StartsWith(bytes, kPixelMagic)) {
    return absl::DataLossError("a stored image is neither a JPEG nor stored pixels");
  }
  ASSIGN_OR_RETURN(Image image, LoadPixels(bytes));
  return ToChannels(std::move(image), channels);
}

}  // namespace tributary
