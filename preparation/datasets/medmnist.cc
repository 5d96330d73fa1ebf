#include "preparation/datasets/medmnist.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "preparation/datasets/medmnist_sets.h"
#include "preparation/datasets/record_samples.h"
#include "preparation/files/npy.h"

namespace tributary {
namespace {

constexpr int64_t kImageSize = 224;
constexpr int64_t kMostSide = 4096;

// The path of the set's .npz, which is a zip archive, in a folder of plain files.
absl::StatusOr<std::string> FindNpz(const DatasetSource& source, const std::string& name) {
  std::error_code error;
  if (std::filesystem::is_regular_file(source.root, error) && absl::EndsWith(source.root, ".npz")) {
    return source.root;
  }
  ASSIGN_OR_RETURN(DatasetFiles files, DatasetFiles::Open(source.root, source.scratch));
  ASSIGN_OR_RETURN(
      const LocatedFile located,
      files.LocateAny({name + ".npz", name + "_64.npz", name + "_128.npz", name + "_224.npz"}));
  // FileTree reads archives from paths; it does not open one inside another.
  const std::string path = located.tree->Describe(located.file);
  if (std::filesystem::is_regular_file(path, error)) return path;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": an archive in an archive; unpack ", located.tree->path(), " first"));
}

absl::StatusOr<size_t> FindKey(const FileTree& npz, const std::string& key) {
  if (const auto file = npz.Find(key + ".npy")) return *file;
  return absl::InvalidArgumentError(absl::StrCat(npz.path(), ": no array \"", key, "\"; there are ",
                                                 absl::StrJoin(npz.names(), ", ")));
}

// From [n, 1] or [n]; of many labels, [n, findings], the first that is not 0.
absl::StatusOr<std::vector<int64_t>> LabelsOf(const MedMnistSet& kind, NpyIntegers array,
                                              int64_t count) {
  const int64_t findings = kind.many_labels ? static_cast<int64_t>(kind.classes.size()) - 1 : 1;
  const bool flat = !kind.many_labels && array.shape == std::vector<int64_t>{count};
  if (!flat && array.shape != std::vector<int64_t>{count, findings}) {
    return absl::InvalidArgumentError(absl::StrCat("labels [", absl::StrJoin(array.shape, ", "),
                                                   "]; expected [", count, ", ", findings,
                                                   "], as many as there are images"));
  }
  if (!kind.many_labels) return std::move(array.values);
  std::vector<int64_t> labels;
  // No finding at all: `first` is the row's end, and so the label of the last class.
  for (auto row = array.values.begin(); row != array.values.end(); row += findings) {
    const auto first = std::find_if(row, row + findings, [](int64_t value) { return value != 0; });
    labels.push_back(first - row);
  }
  return labels;
}

// The images of an array [n, height, width] or [n, height, width, 3] of uint8.
absl::StatusOr<RawPixels> PixelsOf(const NpyHeader& header) {
  const std::vector<int64_t>& shape = header.shape;
  const bool colour = shape.size() == 4 && shape[3] == 3;
  if (header.Type() != "u1" || !(colour || shape.size() == 3) || shape[1] < 1 ||
      shape[1] > kMostSide || shape[2] < 1 || shape[2] > kMostSide) {
    return absl::InvalidArgumentError(
        absl::StrCat("an array of ", header.Type(), " [", absl::StrJoin(shape, ", "),
                     "]; expected images of u1, [n, side, side] or [n, side, side, 3]"));
  }
  return RawPixels{.height = shape[1], .width = shape[2], .channels = colour ? 3 : 1};
}

bool Alike(const RawPixels& a, const RawPixels& b) {
  return a.height == b.height && a.width == b.width && a.channels == b.channels;
}

// `name`: "train" or "test".
absl::Status ReadPart(const std::shared_ptr<const FileTree>& npz, const MedMnistSet& kind,
                      const std::string& name, SampleSet* set, std::vector<Sample>* part) {
  ASSIGN_OR_RETURN(const size_t images, FindKey(*npz, name + "_images"));
  ASSIGN_OR_RETURN(const size_t labels, FindKey(*npz, name + "_labels"));
  ASSIGN_OR_RETURN(const NpyHeader header, ReadNpyHeader(*npz, images));
  const auto raw = PixelsOf(header);
  RETURN_IF_ERROR(Annotate(raw.status(), npz->Describe(images)));
  if (set->raw.height > 0 && !Alike(set->raw, *raw)) {
    return absl::InvalidArgumentError(
        absl::StrCat(npz->Describe(images), ": images of another size than those for training"));
  }
  set->raw = *raw;
  ASSIGN_OR_RETURN(const std::string bytes, npz->Read(labels));
  auto array = ParseNpyIntegers(bytes);
  RETURN_IF_ERROR(Annotate(array.status(), npz->Describe(labels)));
  const auto numbers = LabelsOf(kind, *std::move(array), header.shape[0]);
  RETURN_IF_ERROR(Annotate(numbers.status(), npz->Describe(labels)));
  // ParseNpyHeader() has compared the shape with the file's size: all images are there.
  const int64_t stride = raw->height * raw->width * raw->channels;
  AddRecords({.tree = npz,
              .file = images,
              .first = header.offset,
              .stride = static_cast<uint64_t>(stride)},
             *numbers, set, part);
  return absl::OkStatus();
}

absl::StatusOr<SampleSet> ReadSet(const DatasetSource& source, const std::string& name) {
  ASSIGN_OR_RETURN(const MedMnistSet* kind, FindMedMnistSet(name));
  ASSIGN_OR_RETURN(const std::string path, FindNpz(source, name));
  ASSIGN_OR_RETURN(const std::shared_ptr<const FileTree> npz, FileTree::Open(path, source.scratch));
  SampleSet set;
  set.modality = Modality::kImage;
  set.classes = kind->classes;
  RETURN_IF_ERROR(ReadPart(npz, *kind, "train", &set, &set.train));
  RETURN_IF_ERROR(ReadPart(npz, *kind, "test", &set, &set.test));
  set.channels = set.raw.channels;
  set.mean = set.deviation = std::vector<float>(static_cast<size_t>(set.channels), 0.5F);
  std::error_code error;
  const uint64_t bytes = std::filesystem::file_size(path, error);
  ASSIGN_OR_RETURN(const std::string digest, Sha256OfFile(path));
  set.sources.push_back({path, bytes, digest});
  return set;
}

}  // namespace

absl::StatusOr<SampleSet> ReadMedMnist(const DatasetSource& source) {
  return ReadSet(source, source.variant.empty() ? MedMnistSets()[0].name : source.variant);
}

std::vector<DatasetReader> MedMnistReaders() {
  constexpr char kLicence[] = "CC BY 4.0; DermaMNIST: CC BY-NC 4.0 (medmnist.com)";
  std::vector<std::string> names;
  for (const MedMnistSet& set : MedMnistSets()) names.push_back(set.name);
  std::vector<DatasetReader> readers = {
      {"medmnist", names, "images: MedMNIST's 2D sets, a variant each (validation part left out)",
       kLicence, kImageSize, ReadMedMnist}};
  for (const MedMnistSet& set : MedMnistSets()) {
    readers.push_back(
        {set.name,
         {},
         absl::StrCat("images: ", set.what, ", ", set.classes.size(),
                      " classes (validation part left out)"),
         kLicence,
         kImageSize,
         [name = set.name](const DatasetSource& source) { return ReadSet(source, name); }});
  }
  return readers;
}

}  // namespace tributary
