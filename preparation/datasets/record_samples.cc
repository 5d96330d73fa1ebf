#include "preparation/datasets/record_samples.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace tributary {

void AddRecords(const RecordFile& records, const std::vector<int64_t>& labels, SampleSet* set,
                std::vector<Sample>* part) {
  set->trees.push_back(records.tree);
  set->origins.push_back(records.tree->Describe(records.file));
  const auto tree = static_cast<uint32_t>(set->trees.size() - 1);
  const auto origin = static_cast<int32_t>(set->origins.size() - 1);
  const auto classes = static_cast<int64_t>(set->classes.size());
  // A sample that is skipped takes no image number, but its record still counts for the offsets.
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto line = static_cast<int64_t>(i) + 1;
    if (labels[i] < 0 || labels[i] >= classes) {
      set->skipped.push_back({set->origins.back(), line,
                              absl::StrCat("label ", labels[i], "; expected 0 to ", classes - 1)});
      continue;
    }
    Sample sample;
    sample.image = static_cast<int64_t>(set->images.size());
    sample.label = static_cast<int32_t>(labels[i]);
    sample.origin = origin;
    sample.line = line;
    set->images.push_back({.tree = tree,
                           .file = static_cast<uint32_t>(records.file),
                           .offset = records.first + i * records.stride});
    part->push_back(std::move(sample));
  }
}

}  // namespace tributary
