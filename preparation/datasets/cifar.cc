#include "preparation/datasets/cifar.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "preparation/datasets/cifar_layout.h"

namespace tributary {
namespace {

std::vector<std::string> BatchesOf10(const std::string& ending) {
  std::vector<std::string> names;
  for (int i = 1; i <= 5; ++i) names.push_back(absl::StrCat("data_batch_", i, ending));
  return names;
}

const CifarLayout& Binary10() {
  static const CifarLayout kLayout = {.train = BatchesOf10(".bin"),
                                      .test = {"test_batch.bin"},
                                      .names = "batches.meta.txt",
                                      .classes = 10,
                                      .labels = 1,
                                      .label = 0};
  return kLayout;
}

const CifarLayout& Python10() {
  static const CifarLayout kLayout = {.train = BatchesOf10(""),
                                      .test = {"test_batch"},
                                      .names = "batches.meta",
                                      .classes = 10,
                                      .labels_key = "labels",
                                      .names_key = "label_names"};
  return kLayout;
}

CifarLayout Binary100(bool coarse) {
  return {.train = {"train.bin"},
          .test = {"test.bin"},
          .names = coarse ? "coarse_label_names.txt" : "fine_label_names.txt",
          .classes = coarse ? size_t{20} : size_t{100},
          .labels = 2,
          .label = coarse ? uint64_t{0} : uint64_t{1}};
}

CifarLayout Python100(bool coarse) {
  return {.train = {"train"},
          .test = {"test"},
          .names = "meta",
          .classes = coarse ? size_t{20} : size_t{100},
          .labels_key = coarse ? "coarse_labels" : "fine_labels",
          .names_key = coarse ? "coarse_label_names" : "fine_label_names"};
}

// `folders`: as the archives call them, binary and Python.
absl::StatusOr<SampleSet> ReadCifar(const DatasetSource& source, const CifarLayout& binary,
                                    const CifarLayout& python,
                                    const std::pair<std::string, std::string>& folders,
                                    SampleSet set) {
  set.modality = Modality::kImage;
  set.raw = {.height = 32, .width = 32, .channels = 3, .planar = true};
  ASSIGN_OR_RETURN(DatasetFiles files, DatasetFiles::Open(source.root, source.scratch));
  const std::string &first_binary = binary.train[0], &first_python = python.train[0];
  // "train" alone is a name that other files may have, too.
  auto located = files.LocateAny({absl::StrCat(folders.first, "/", first_binary),
                                  absl::StrCat(folders.second, "/", first_python)});
  if (absl::IsNotFound(located.status())) located = files.LocateAny({first_binary, first_python});
  RETURN_IF_ERROR(located.status());
  const std::string& name = located->tree->names()[located->file];
  // The other files lie beside it, whichever of the names above was found.
  located->prefix = name.substr(0, name.rfind('/') + 1);
  const bool is_binary = name == located->prefix + first_binary;
  RETURN_IF_ERROR(is_binary ? ReadCifarBinary(binary, *located, &set)
                            : ReadCifarPython(python, *located, source.scratch, &set));
  return set;
}

}  // namespace

absl::StatusOr<SampleSet> ReadCifar10(const DatasetSource& source) {
  return ReadCifar(source, Binary10(), Python10(), {"cifar-10-batches-bin", "cifar-10-batches-py"},
                   {});
}

absl::StatusOr<SampleSet> ReadCifar100(const DatasetSource& source) {
  const bool coarse = source.variant == "coarse";
  SampleSet set;
  // Of the training images; docs/algorithm.md section 2.
  set.mean = {0.5071F, 0.4865F, 0.4409F};
  set.deviation = {0.2673F, 0.2564F, 0.2762F};
  return ReadCifar(source, Binary100(coarse), Python100(coarse),
                   {"cifar-100-binary", "cifar-100-python"}, std::move(set));
}

absl::StatusOr<size_t> CifarFile(const LocatedFile& files, const std::string& name) {
  if (const auto file = files.tree->Find(files.prefix + name)) return *file;
  return absl::NotFoundError(absl::StrCat(files.tree->path(), "/", files.prefix, name,
                                          " is not there, but ", files.tree->names()[files.file],
                                          " is"));
}

absl::Status CheckCifarClasses(const CifarLayout& layout, const std::vector<std::string>& names,
                               const std::string& file) {
  if (names.size() == layout.classes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(file, ": ", names.size(), " names of classes; ",
                                                 layout.classes, " were expected"));
}

}  // namespace tributary
