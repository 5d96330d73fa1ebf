#include "preparation/datasets/labelled_texts.h"

#include <cstdint>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "preparation/datasets/captioned_images.h"
#include "preparation/files/delimited_text.h"

namespace tributary {
namespace {

// Empty if `fields` became `sample`, else why not.
std::string ReadFields(const std::vector<std::string>& fields, const LabelledTexts& format,
                       size_t classes, Sample* sample) {
  int32_t number;
  const std::string& label = fields[format.label];
  if (!absl::SimpleAtoi(label, &number) || number < 1 || static_cast<size_t>(number) > classes) {
    return absl::StrCat("class \"", label.substr(0, 50), "\"; expected 1 to ", classes);
  }
  sample->label = number - 1;
  sample->text = format.text(fields);
  return sample->text.empty() ? "empty text" : "";
}

}  // namespace

absl::Status AddLabelledTexts(const LocatedFile& file, const LabelledTexts& format, SampleSet* set,
                              std::vector<Sample>* part) {
  const std::string path = file.tree->Describe(file.file);
  ASSIGN_OR_RETURN(const std::string text, ReadSourceFile(*file.tree, file.file, set));
  const int32_t origin = AddOrigin(set, path);
  DelimitedText reader(text, {.fields = format.fields});
  bool first = true;
  for (DelimitedRecord record; reader.Next(&record);) {
    // Some mirrors add the names of the columns.
    const bool header =
        first && record.broken.empty() && record.fields[format.label] == format.header;
    first = false;
    if (header) continue;
    Sample sample;
    sample.origin = origin;
    sample.line = record.line;
    std::string broken = record.broken.empty()
                             ? ReadFields(record.fields, format, set->classes.size(), &sample)
                             : record.broken;
    if (broken.empty()) {
      part->push_back(std::move(sample));
    } else {
      RETURN_IF_ERROR(Skip(set, path, record.line, std::move(broken)));
    }
  }
  return absl::OkStatus();
}

}  // namespace tributary
