// What a person may wish of how image files are decoded, and what the files turn out to be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

// Levels that become black and white; those between are spread evenly, those outside are cut off.
struct LevelWindow {
  double low = 0, high = 0;  // low < high, finite
};

struct ImageDecoding {
  // Whether an orientation that a file's metadata give is applied: so photographs of phones stand
  // upright. Otherwise pixels stay as they are stored, in every format.
  bool upright = false;
  // Of images of more than 8 bits. Nothing: the whole range of their type, or the window that a
  // DICOM file itself names.
  std::optional<LevelWindow> window{};
  bool window_of_each = false;  // each image's own lowest and highest level; without `window`
};

// What an image file was, for the report.
struct ImageTraits {
  int orientation = 1;              // EXIF's, 1 to 8; 1: upright, or none given
  bool more_frames = false;         // it has more than the first picture, which alone was taken
  bool deep = false;                // more than 8 bits, spread over the whole range of 16
  int64_t lowest = 0, highest = 0;  // levels of a deep one
};

// Reads "LOW:HIGH", "auto" or "" (neither) into `decoding`. InvalidArgument for anything else.
absl::Status ReadWindow(absl::string_view words, ImageDecoding* decoding);
// As ReadWindow() reads it.
std::string WindowInWords(const ImageDecoding& decoding);
// Reads "keep" or "apply". InvalidArgument for anything else.
absl::Status ReadOrientation(absl::string_view word, ImageDecoding* decoding);

// For the manifest, "turned upright, levels 0:4095, "; empty for the defaults.
std::string DecodingInWords(const ImageDecoding& decoding);

}  // namespace tributary
