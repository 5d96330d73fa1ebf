#include "preparation/image_report.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

constexpr int64_t kLevels = 65'536;

}  // namespace

void AddImageReport(const std::vector<ImageOutcome>& images, const ImageDecoding& decoding,
                    nlohmann::json* report) {
  if (images.empty()) return;
  int64_t oriented = 0, more_frames = 0, deep = 0, lowest = kLevels, highest = 0;
  for (const ImageOutcome& image : images) {
    oriented += image.traits.orientation != 1 ? 1 : 0;
    more_frames += image.traits.more_frames ? 1 : 0;
    if (!image.traits.deep) continue;
    ++deep;
    lowest = std::min(lowest, image.traits.lowest);
    highest = std::max(highest, image.traits.highest);
  }
  nlohmann::json counts = {{"oriented", oriented}, {"more_frames", more_frames}, {"deep", deep}};
  if (deep > 0) counts.update({{"lowest", lowest}, {"highest", highest}});
  (*report)["images"] = counts;
  nlohmann::json& notes = (*report)["notes"];
  if (oriented > 0) {
    notes.push_back(absl::StrCat(
        oriented, " of ", images.size(), " images carry an orientation",
        decoding.upright ? "; they were turned upright"
                         : " that was not applied; --orientation apply turns them upright"));
  }
  if (more_frames > 0) {
    notes.push_back(absl::StrCat(more_frames, " of ", images.size(),
                                 " images hold several pictures (an animation, pages); the first ",
                                 "of each was taken"));
  }
  const bool chosen = decoding.window || decoding.window_of_each;
  if (deep > 0 && !chosen && highest - lowest < kLevels / 4) {
    notes.push_back(absl::StrCat(deep, " images of 16 bits use the levels ", lowest, " to ",
                                 highest, " of 0 to ", kLevels - 1,
                                 ": little of them is left in 8 bits; give --window ", lowest, ":",
                                 highest, ", or --window auto for each image's own"));
  }
}

}  // namespace tributary
