// Images with their captions, as lists of image-text pairs give them, and what becomes of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "preparation/datasets/image_finder.h"
#include "preparation/datasets/sample_set.h"

namespace tributary {

// The most samples that a dataset may leave out. With more, the file is hardly the right one, and
// the list of them would fill the memory.
inline constexpr size_t kMostSkipped = 1'000'000;

struct Caption {
  std::string text;
  int64_t line = 0;  // of the file that lists it; 0: lines mean nothing there
};

struct CaptionedImage {
  std::string file;     // its name, for an ImageFinder
  std::string split{};  // as the list has it; empty if it has none
  std::vector<Caption> captions{};
};

// Lists what is left out of `set`. ResourceExhausted after kMostSkipped.
absl::Status Skip(SampleSet* set, const std::string& file, int64_t line, std::string reason);

// Skips `found`'s image if it is NotFound, and fails if it is another error.
absl::Status SkipMissing(SampleSet* set, const std::string& file, int64_t line,
                         const absl::Status& found);

// Notes `path` in set->origins; returns its number.
int32_t AddOrigin(SampleSet* set, std::string path);

// Appends a sample for each caption of `image` to `part`, which is set->train or set->test. A
// missing image and empty captions are listed. `origin`: of set->origins.
absl::Status AddPairs(CaptionedImage image, int32_t origin, ImageFinder* finder, SampleSet* set,
                      std::vector<Sample>* part);

}  // namespace tributary
