#include "preparation/datasets/captioned_images.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "preparation/files/utf8.h"

namespace tributary {

absl::Status Skip(SampleSet* set, const std::string& file, int64_t line, std::string reason) {
  if (set->skipped.size() == kMostSkipped) {
    return absl::ResourceExhaustedError(
        absl::StrCat(file, ": over ", kMostSkipped,
                     " samples cannot be used; is it the right file? The last: ", reason));
  }
  set->skipped.push_back({file, line, std::move(reason)});
  return absl::OkStatus();
}

absl::Status SkipMissing(SampleSet* set, const std::string& file, int64_t line,
                         const absl::Status& found) {
  if (!absl::IsNotFound(found)) return found;
  return Skip(set, file, line, std::string(found.message()));
}

int32_t AddOrigin(SampleSet* set, std::string path) {
  set->origins.push_back(std::move(path));
  return static_cast<int32_t>(set->origins.size()) - 1;
}

absl::Status AddPairs(CaptionedImage image, int32_t origin, ImageFinder* finder, SampleSet* set,
                      std::vector<Sample>* part) {
  const std::string& path = set->origins[static_cast<size_t>(origin)];
  const absl::StatusOr<int64_t> number = finder->Find(image.file);
  if (!number.ok()) {
    const int64_t line = image.captions.empty() ? 0 : image.captions[0].line;
    return SkipMissing(set, path, line, number.status());
  }
  for (Caption& caption : image.captions) {
    absl::StripAsciiWhitespace(&caption.text);
    std::string broken = caption.text.empty() ? absl::StrCat("empty caption of ", image.file)
                                              : DescribeBrokenUtf8(caption.text);
    if (!broken.empty()) {
      RETURN_IF_ERROR(Skip(set, path, caption.line, std::move(broken)));
      continue;
    }
    Sample sample;
    sample.image = *number;
    sample.text = std::move(caption.text);
    sample.origin = origin;
    sample.line = caption.line;
    part->push_back(std::move(sample));
  }
  return absl::OkStatus();
}

}  // namespace tributary
