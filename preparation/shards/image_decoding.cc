#include "preparation/shards/image_decoding.h"

#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tributary {

absl::Status ReadWindow(absl::string_view words, ImageDecoding* decoding) {
  decoding->window.reset();
  decoding->window_of_each = words == "auto";
  if (words.empty() || decoding->window_of_each) return absl::OkStatus();
  const std::vector<absl::string_view> ends = absl::StrSplit(words, ':');
  LevelWindow window;
  if (ends.size() == 2 && absl::SimpleAtod(ends[0], &window.low) &&
      absl::SimpleAtod(ends[1], &window.high) && std::isfinite(window.low) &&
      std::isfinite(window.high) && window.low < window.high) {
    decoding->window = window;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--window ", words, ": expected LOW:HIGH with LOW below HIGH, as in 0:4095, or ",
                   "auto for each image's own lowest and highest level"));
}

std::string WindowInWords(const ImageDecoding& decoding) {
  if (decoding.window) return absl::StrCat(decoding.window->low, ":", decoding.window->high);
  return decoding.window_of_each ? "auto" : "";
}

absl::Status ReadOrientation(absl::string_view word, ImageDecoding* decoding) {
  decoding->upright = word == "apply";
  if (decoding->upright || word == "keep") return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--orientation ", word,
                   ": expected keep (pixels as they are stored) or apply (turned upright as the ",
                   "file's metadata say)"));
}

std::string DecodingInWords(const ImageDecoding& decoding) {
  const std::string window = WindowInWords(decoding);
  return absl::StrCat(decoding.upright ? "turned upright, " : "",
                      window.empty() ? "" : absl::StrCat("levels ", window, ", "));
}

}  // namespace tributary
