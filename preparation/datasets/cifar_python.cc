// CIFAR's Python version: pickles of a dict with an array of pixels and lists of labels.

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "preparation/datasets/cifar_layout.h"
#include "preparation/datasets/record_samples.h"
#include "preparation/files/pickle.h"

namespace tributary {
namespace {

absl::Status Missing(absl::string_view key, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("a pickle without \"", key, "\", ", what, "; it is none of CIFAR's"));
}

absl::StatusOr<std::vector<int64_t>> LabelsOf(const Pickle& pickle, const std::string& key) {
  const PickleValue* list = pickle.Find(pickle.root(), key);
  if (list == nullptr || list->kind != PickleKind::kList) return Missing(key, "a list of labels");
  std::vector<int64_t> labels;
  for (const PickleRef item : list->items) {
    const PickleValue& label = pickle.at(item);
    if (label.kind != PickleKind::kInteger) return Missing(key, "a list of integers");
    labels.push_back(label.integer);
  }
  return labels;
}

// The pixels' bytes: [count, 3072] of uint8, each row an image in three planes.
absl::StatusOr<const PickleValue*> PixelsOf(const Pickle& pickle, size_t count) {
  const PickleValue* array = pickle.Find(pickle.root(), "data");
  if (array == nullptr || array->kind != PickleKind::kArray || array->items.size() != 2) {
    return Missing("data", "an array of pixels");
  }
  const absl::string_view type = pickle.at(array->items[1]).bytes;
  const PickleValue& values = pickle.at(array->items[0]);
  const std::vector<int64_t> expected = {static_cast<int64_t>(count),
                                         static_cast<int64_t>(kCifarPixels)};
  // One row is the same bytes in either order, and numpy marks it as both.
  if (type != "u1" || array->shape != expected || (array->fortran && count > 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("pixels of type ", type, " [", absl::StrJoin(array->shape, ", "), "]",
                     array->fortran ? " in Fortran order" : "", "; expected u1 [", count, ", ",
                     kCifarPixels, "], as many as there are labels"));
  }
  if (values.bytes.size() != count * kCifarPixels) {
    return absl::DataLossError(absl::StrCat("an array of ", count * kCifarPixels, " pixels with ",
                                            values.bytes.size(), " bytes"));
  }
  return &values;
}

absl::Status AddBatch(const CifarLayout& layout, const LocatedFile& files, size_t file,
                      const std::string& scratch, SampleSet* set, std::vector<Sample>* part) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadSourceFile(*files.tree, file, set));
  ASSIGN_OR_RETURN(const Pickle pickle, Pickle::Parse(bytes));
  ASSIGN_OR_RETURN(const std::vector<int64_t> labels, LabelsOf(pickle, layout.labels_key));
  ASSIGN_OR_RETURN(const PickleValue* pixels, PixelsOf(pickle, labels.size()));
  RecordFile records = {.tree = files.tree, .file = file, .first = 0, .stride = kCifarPixels};
  // Pixels stay in the file where they lie there as they are, and are read when a shard is written.
  // Protocol 0, and bytes that Python 2 wrote as text, escape some: those are decoded to a file.
  if (const std::optional<uint64_t> place = pickle.PlaceOf(*pixels)) {
    records.first = *place;
  } else {
    ASSIGN_OR_RETURN(records.tree, FileTree::OfBytes(*files.tree, file, pixels->bytes, scratch));
    records.file = 0;
  }
  AddRecords(records, labels, set, part);
  return absl::OkStatus();
}

absl::Status ReadBatch(const CifarLayout& layout, const LocatedFile& files, const std::string& name,
                       const std::string& scratch, SampleSet* set, std::vector<Sample>* part) {
  ASSIGN_OR_RETURN(const size_t file, CifarFile(files, name));
  return Annotate(AddBatch(layout, files, file, scratch, set, part), files.tree->Describe(file));
}

absl::StatusOr<std::vector<std::string>> NamesOf(absl::string_view bytes, const std::string& key) {
  ASSIGN_OR_RETURN(const Pickle pickle, Pickle::Parse(bytes));
  const PickleValue* list = pickle.Find(pickle.root(), key);
  if (list == nullptr || list->kind != PickleKind::kList) return Missing(key, "a list of names");
  std::vector<std::string> names;
  for (const PickleRef item : list->items) names.emplace_back(pickle.at(item).bytes);
  return names;
}

}  // namespace

absl::Status ReadCifarPython(const CifarLayout& layout, const LocatedFile& files,
                             const std::string& scratch, SampleSet* set) {
  ASSIGN_OR_RETURN(const size_t meta, CifarFile(files, layout.names));
  ASSIGN_OR_RETURN(const std::string bytes, ReadSourceFile(*files.tree, meta, set));
  const std::string described = files.tree->Describe(meta);
  auto names = NamesOf(bytes, layout.names_key);
  RETURN_IF_ERROR(Annotate(names.status(), described));
  RETURN_IF_ERROR(CheckCifarClasses(layout, *names, described));
  set->classes = *std::move(names);
  for (const std::string& batch : layout.train) {
    RETURN_IF_ERROR(ReadBatch(layout, files, batch, scratch, set, &set->train));
  }
  for (const std::string& batch : layout.test) {
    RETURN_IF_ERROR(ReadBatch(layout, files, batch, scratch, set, &set->test));
  }
  return absl::OkStatus();
}

}  // namespace tributary
