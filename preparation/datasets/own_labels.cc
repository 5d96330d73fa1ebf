#include "preparation/datasets/own_labels.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "preparation/datasets/captioned_images.h"
#include "preparation/datasets/own_columns.h"

namespace tributary {

int32_t OwnLabels::NumberOf(const std::string& label) {
  const auto [entry, is_new] = numbers_.try_emplace(label, static_cast<int32_t>(labels_.size()));
  if (is_new) labels_.push_back(label);
  return entry->second;
}

absl::Status OwnLabels::NameClasses(const std::vector<std::string>& known, SampleSet* set) const {
  // Labels were numbered as they came, of both parts. Only those that are trained on are classes:
  // a model could never name another, unless other owners train it.
  constexpr int32_t kNone = -1;
  std::vector<bool> trained(labels_.size());
  for (const Sample& sample : set->train) trained[static_cast<size_t>(sample.label)] = true;
  for (const std::string& name : known) {
    const auto found = numbers_.find(name);
    if (found != numbers_.end()) trained[static_cast<size_t>(found->second)] = true;
  }
  for (size_t i = 0; i < labels_.size(); ++i) {
    if (trained[i]) set->classes.push_back(labels_[i]);
  }
  set->classes = SortedClasses(std::move(set->classes));
  std::vector<int32_t> classes(labels_.size(), kNone);  // by the number given before
  for (size_t i = 0; i < set->classes.size(); ++i) {
    classes[static_cast<size_t>(numbers_.at(set->classes[i]))] = static_cast<int32_t>(i);
  }
  for (Sample& sample : set->train) sample.label = classes[static_cast<size_t>(sample.label)];
  std::vector<Sample> kept;
  for (Sample& sample : set->test) {
    const auto before = static_cast<size_t>(sample.label);
    sample.label = classes[before];
    if (sample.label != kNone) {
      kept.push_back(std::move(sample));
      continue;
    }
    RETURN_IF_ERROR(
        Skip(set, set->origins[static_cast<size_t>(sample.origin)], sample.line,
             absl::StrCat("no training sample has its label \"", labels_[before], "\"")));
  }
  set->test = std::move(kept);
  return absl::OkStatus();
}

}  // namespace tributary
