#include "preparation/datasets/own_labels.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "preparation/datasets/captioned_images.h"
#include "preparation/datasets/own_columns.h"
#include "preparation/files/text_encoding.h"

namespace tributary {

namespace {

// "3" of "3.0" and "3.00": programs that know numbers only as fractions write a column of whole
// ones so. Empty for what is no whole number.
std::string WholeNumber(absl::string_view label) {
  const absl::string_view digits = label.substr(0, label.find('.'));
  const absl::string_view behind = label.substr(digits.size());
  const absl::string_view unsigned_part = absl::StripPrefix(digits, "-");
  const auto is_digit = [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); };
  const bool whole = !unsigned_part.empty() &&
                     std::all_of(unsigned_part.begin(), unsigned_part.end(), is_digit) &&
                     behind != "." && behind.find_first_not_of('0', 1) == absl::string_view::npos;
  return whole ? std::string(digits) : "";
}

}  // namespace

std::vector<std::string> OwnLabels::Names() const {
  std::vector<std::string> whole;
  whole.reserve(labels_.size());
  for (const std::string& label : labels_) whole.push_back(WholeNumber(label));
  // Where one is no whole number, "1.0" may be a name (of a version) as good as "1.1".
  const bool all = std::none_of(whole.begin(), whole.end(),
                                [](const std::string& name) { return name.empty(); });
  return all ? whole : labels_;
}

int32_t OwnLabels::NumberOf(const std::string& written) {
  const std::string label = Composed(written);
  const auto [entry, is_new] = numbers_.try_emplace(label, static_cast<int32_t>(labels_.size()));
  if (is_new) labels_.push_back(label);
  return entry->second;
}

absl::Status OwnLabels::NameClasses(const std::vector<std::string>& known, SampleSet* set) const {
  // Labels were numbered as they came, of both parts. Only those that are trained on are classes:
  // a model could never name another, unless other owners train it.
  constexpr int32_t kNone = -1;
  const std::vector<std::string> names = Names();
  std::vector<bool> trained(names.size());
  for (const Sample& sample : set->train) trained[static_cast<size_t>(sample.label)] = true;
  for (size_t i = 0; i < names.size(); ++i) {
    const bool is_known = std::find(known.begin(), known.end(), names[i]) != known.end();
    if (trained[i] || is_known) set->classes.push_back(names[i]);
  }
  set->classes = SortedClasses(std::move(set->classes));
  absl::flat_hash_map<std::string, int32_t> places;
  for (size_t i = 0; i < set->classes.size(); ++i) {
    places[set->classes[i]] = static_cast<int32_t>(i);
  }
  std::vector<int32_t> classes(names.size(), kNone);  // by the number given before
  for (size_t i = 0; i < names.size(); ++i) {
    const auto place = places.find(names[i]);
    if (place != places.end()) classes[i] = place->second;
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
