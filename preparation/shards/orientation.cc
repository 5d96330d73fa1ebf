#include "preparation/shards/orientation.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include <libexif/exif-data.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

constexpr absl::string_view kExifMark("Exif\0\0", 6);

// `bytes`: a JPEG, or a block that begins with kExifMark.
int ReadOrientation(absl::string_view bytes) {
  const std::unique_ptr<ExifData, decltype(&exif_data_unref)> data(exif_data_new(),
                                                                   &exif_data_unref);
  if (data == nullptr) return 1;
  // It would add tags that the specification asks for, and that the file does not have.
  exif_data_unset_option(data.get(), EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
  exif_data_load_data(data.get(), reinterpret_cast<const unsigned char*>(bytes.data()),
                      static_cast<unsigned int>(bytes.size()));
  ExifEntry* const entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
  if (entry == nullptr || entry->format != EXIF_FORMAT_SHORT || entry->components != 1) return 1;
  const int value = exif_get_short(entry->data, exif_data_get_byte_order(data.get()));
  return value >= 1 && value <= 8 ? value : 1;
}

}  // namespace

int OrientationInJpeg(absl::string_view bytes) { return ReadOrientation(bytes); }

int OrientationInExif(absl::string_view block) {
  if (absl::StartsWith(block, kExifMark)) return ReadOrientation(block);
  return ReadOrientation(absl::StrCat(kExifMark, block));
}

Image Upright(Image image, int orientation) {
  if (orientation < 2 || orientation > 8) return image;
  // From 5 on rows become columns; then each side is mirrored or not.
  const bool swaps = orientation >= 5;
  const bool mirrors_rows =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool mirrors_columns =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  Image turned{.height = swaps ? image.width : image.height,
               .width = swaps ? image.height : image.width,
               .channels = image.channels,
               .pixels = {}};
  turned.pixels.resize(image.pixels.size());
  uint8_t* to = turned.pixels.data();
  for (int64_t y = 0; y < turned.height; ++y) {
    for (int64_t x = 0; x < turned.width; ++x, to += image.channels) {
      const int64_t row = swaps ? x : y;
      const int64_t column = swaps ? y : x;
      const int64_t from_row = mirrors_rows ? image.height - 1 - row : row;
      const int64_t from_column = mirrors_columns ? image.width - 1 - column : column;
      std::copy_n(image.pixels.data() + (from_row * image.width + from_column) * image.channels,
                  image.channels, to);
    }
  }
  return turned;
}

Image AsStored(Image upright, int orientation) {
  // A quarter turn is undone by the turn the other way; the others undo themselves.
  const int reverse = orientation == 6 ? 8 : orientation == 8 ? 6 : orientation;
  return Upright(std::move(upright), reverse);
}

}  // namespace tributary
