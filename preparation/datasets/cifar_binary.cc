// CIFAR's binary version: records of the labels, a byte each, and the pixels in three planes.

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "preparation/datasets/cifar_layout.h"
#include "preparation/datasets/record_samples.h"

namespace tributary {
namespace {

absl::Status ReadBatch(const CifarLayout& layout, const LocatedFile& files, const std::string& name,
                       SampleSet* set, std::vector<Sample>* part) {
  ASSIGN_OR_RETURN(const size_t file, CifarFile(files, name));
  ASSIGN_OR_RETURN(const std::string bytes, ReadSourceFile(*files.tree, file, set));
  const uint64_t record = layout.labels + kCifarPixels;
  std::vector<int64_t> labels;
  for (uint64_t at = 0; at + record <= bytes.size(); at += record) {
    labels.push_back(static_cast<uint8_t>(bytes[at + layout.label]));
  }
  const std::string described = files.tree->Describe(file);
  if (labels.empty()) {
    return absl::DataLossError(
        absl::StrCat(described, ": ", bytes.size(), " bytes; one record alone takes ", record));
  }
  AddRecords({.tree = files.tree, .file = file, .first = layout.labels, .stride = record}, labels,
             set, part);
  // A download that ended early: what is whole is used, and the rest is listed as one sample.
  if (const uint64_t rest = bytes.size() % record; rest > 0) {
    set->skipped.push_back({described, static_cast<int64_t>(labels.size()) + 1,
                            absl::StrCat("a record cut short: ", rest, " of ", record, " bytes")});
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadCifarBinary(const CifarLayout& layout, const LocatedFile& files, SampleSet* set) {
  ASSIGN_OR_RETURN(const size_t names, CifarFile(files, layout.names));
  ASSIGN_OR_RETURN(const std::string text, ReadSourceFile(*files.tree, names, set));
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const absl::string_view name = absl::StripAsciiWhitespace(line);
    if (!name.empty()) set->classes.emplace_back(name);
  }
  RETURN_IF_ERROR(CheckCifarClasses(layout, set->classes, files.tree->Describe(names)));
  for (const std::string& batch : layout.train) {
    RETURN_IF_ERROR(ReadBatch(layout, files, batch, set, &set->train));
  }
  for (const std::string& batch : layout.test) {
    RETURN_IF_ERROR(ReadBatch(layout, files, batch, set, &set->test));
  }
  return absl::OkStatus();
}

}  // namespace tributary
