#include "preparation/datasets/ag_news.h"

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "preparation/datasets/basic_english.h"
#include "preparation/datasets/labelled_texts.h"
#include "preparation/files/utf8.h"

namespace tributary {
namespace {

// classes.txt has a name on each line.
absl::StatusOr<std::vector<std::string>> ReadClasses(const LocatedFile& file, SampleSet* set) {
  ASSIGN_OR_RETURN(const std::string text, ReadSourceFile(*file.tree, file.file, set));
  std::vector<std::string> classes;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!line.empty()) classes.emplace_back(line);
  }
  if (classes.size() == 4 && !FindBrokenUtf8(text)) return classes;
  return absl::InvalidArgumentError(absl::StrCat(file.tree->Describe(file.file), ": ",
                                                 classes.size(),
                                                 " lines; expected the names of 4 classes"));
}

}  // namespace

absl::StatusOr<SampleSet> ReadAgNews(const DatasetSource& source) {
  const bool normalise = source.variant != "as-published";
  ASSIGN_OR_RETURN(DatasetFiles files, DatasetFiles::Open(source.root, source.scratch));
  SampleSet set;
  set.modality = Modality::kText;
  set.classes = {"World", "Sports", "Business", "Sci/Tech"};
  ASSIGN_OR_RETURN(const LocatedFile train, files.Locate("train.csv"));
  ASSIGN_OR_RETURN(const LocatedFile test, files.Locate("test.csv"));
  if (const auto classes = train.tree->Find(train.prefix + "classes.txt")) {
    ASSIGN_OR_RETURN(set.classes, ReadClasses({train.tree, *classes, train.prefix}, &set));
  }
  const LabelledTexts format = {.fields = 3,
                                .header = "Class Index",
                                .text = [normalise](const std::vector<std::string>& fields) {
                                  std::string text = absl::StrCat(fields[1], " ", fields[2]);
                                  if (normalise) return BasicEnglish(text);
                                  absl::StripAsciiWhitespace(&text);
                                  return text;
                                }};
  RETURN_IF_ERROR(AddLabelledTexts(train, format, &set, &set.train));
  RETURN_IF_ERROR(AddLabelledTexts(test, format, &set, &set.test));
  return set;
}

}  // namespace tributary
