#include "preparation/datasets/medical_abstracts.h"

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "preparation/datasets/labelled_texts.h"
#include "preparation/files/delimited_text.h"

namespace tributary {
namespace {

constexpr char kLabel[] = "condition_label";

// The names of medical_tc_labels.csv, in place of those in set->classes.
absl::Status ReadClasses(const LocatedFile& file, SampleSet* set) {
  const std::string path = file.tree->Describe(file.file);
  ASSIGN_OR_RETURN(const std::string text, ReadSourceFile(*file.tree, file.file, set));
  DelimitedText reader(text, {.fields = 2});
  for (DelimitedRecord record; reader.Next(&record);) {
    // The names only label what is printed. But a file of names that fits no class belongs to
    // another dataset, so that it is refused and not passed over.
    size_t number = 0;
    if (record.broken.empty() && record.fields[0] == kLabel) continue;
    if (!record.broken.empty() || !absl::SimpleAtoi(record.fields[0], &number) || number < 1 ||
        number > set->classes.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ", line ", record.line, ": ", record.broken,
                       record.broken.empty() ? "expected a class from 1 to 5 and its name" : ""));
    }
    set->classes[number - 1] = std::string(absl::StripAsciiWhitespace(record.fields[1]));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SampleSet> ReadMedicalAbstracts(const DatasetSource& source) {
  ASSIGN_OR_RETURN(DatasetFiles files, DatasetFiles::Open(source.root, source.scratch));
  SampleSet set;
  set.modality = Modality::kText;
  set.classes = {"Neoplasms", "Digestive system diseases", "Nervous system diseases",
                 "Cardiovascular diseases", "General pathological conditions"};
  ASSIGN_OR_RETURN(const LocatedFile train, files.Locate("medical_tc_train.csv"));
  ASSIGN_OR_RETURN(const LocatedFile test, files.Locate("medical_tc_test.csv"));
  if (const auto classes = train.tree->Find(train.prefix + "medical_tc_labels.csv")) {
    RETURN_IF_ERROR(ReadClasses({train.tree, *classes, train.prefix}, &set));
  }
  const LabelledTexts format = {
      .fields = 2, .header = kLabel, .text = [](const std::vector<std::string>& fields) {
        return std::string(absl::StripAsciiWhitespace(fields[1]));
      }};
  RETURN_IF_ERROR(AddLabelledTexts(train, format, &set, &set.train));
  RETURN_IF_ERROR(AddLabelledTexts(test, format, &set, &set.test));
  return set;
}

}  // namespace tributary
