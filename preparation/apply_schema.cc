#include "preparation/apply_schema.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/model/model_spec.h"

namespace tributary {
namespace {

constexpr int32_t kUnknown = -1;
constexpr size_t kMostNamed = 12;  // labels in a message

// Of each of `classes`, its number in the schema; kUnknown where it has none.
std::vector<int32_t> NumbersOf(const std::vector<std::string>& classes, const Schema& schema) {
  std::vector<int32_t> numbers;
  for (const std::string& name : classes) {
    const auto found = std::find(schema.classes.begin(), schema.classes.end(), name);
    numbers.push_back(found == schema.classes.end()
                          ? kUnknown
                          : static_cast<int32_t>(found - schema.classes.begin()));
  }
  return numbers;
}

// Numbers the samples anew; takes those out whose label is unknown, and counts them by label.
class Renumbering {
 public:
  Renumbering(const Schema& schema, SampleSet* set)
      : set_(set), numbers_(NumbersOf(set->classes, schema)) {}

  void Take(std::vector<Sample>* samples) {
    std::vector<Sample> kept;
    kept.reserve(samples->size());
    for (Sample& sample : *samples) {
      const auto before = static_cast<size_t>(sample.label);
      if (numbers_[before] == kUnknown) {
        Leave(sample, set_->classes[before]);
        continue;
      }
      sample.label = numbers_[before];
      kept.push_back(std::move(sample));
    }
    *samples = std::move(kept);
  }

  // Samples by unknown label.
  const std::map<std::string, int64_t>& unknown() const { return unknown_; }

 private:
  void Leave(const Sample& sample, const std::string& label) {
    ++unknown_[label];
    std::string file;
    if (sample.origin >= 0) {
      file = set_->origins[static_cast<size_t>(sample.origin)];
    } else if (sample.image >= 0) {
      const ImageSource& image = set_->images[static_cast<size_t>(sample.image)];
      file = set_->trees[image.tree]->Describe(image.file);
    }
    set_->skipped.push_back(
        {std::move(file), sample.line, absl::StrCat("the schema has no class \"", label, "\"")});
  }

  SampleSet* const set_;
  const std::vector<int32_t> numbers_;
  std::map<std::string, int64_t> unknown_;
};

std::string InWords(const std::map<std::string, int64_t>& unknown) {
  std::vector<std::string> words;
  for (const auto& [label, samples] : unknown) {
    if (words.size() == kMostNamed) {
      words.push_back(absl::StrCat("and ", unknown.size() - kMostNamed, " more"));
      break;
    }
    words.push_back(absl::StrCat("\"", label, "\" (", samples, " samples)"));
  }
  return absl::StrJoin(words, ", ");
}

}  // namespace

absl::Status ApplySchema(const Schema& schema, UnknownLabels unknown, SampleSet* set) {
  if (set->modality != schema.modality) {
    return absl::FailedPreconditionError(
        absl::StrCat("the schema of ", schema.dataset, " is of modality ",
                     ModalityName(schema.modality), ", these data are of ",
                     ModalityName(set->modality), "; give the columns that make them the same"));
  }
  if (set->modality != Modality::kText) {
    set->channels = schema.channels;
    set->mean = schema.mean;
    set->deviation = schema.deviation;
  }
  if (set->modality == Modality::kPair) return absl::OkStatus();
  Renumbering renumbering(schema, set);
  renumbering.Take(&set->train);
  renumbering.Take(&set->test);
  set->classes = schema.classes;
  if (renumbering.unknown().empty() || unknown == UnknownLabels::kSkip) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "labels that the schema of ", schema.dataset, " does not have: ",
      InWords(renumbering.unknown()), "; it has ", absl::StrJoin(schema.classes, ", "),
      ": rename them, agree on a schema with all owners' classes, or leave these samples out with "
      "--unknown-labels skip"));
}

}  // namespace tributary
