#include "preparation/datasets/mnist.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "preparation/datasets/record_samples.h"
#include "preparation/files/gunzip.h"
#include "preparation/files/idx.h"

namespace tributary {
namespace {

constexpr char kTrainImages[] = "train-images-idx3-ubyte";
constexpr int64_t kMostSide = 4096;
constexpr uint64_t kMostUnpackedBytes = uint64_t{1} << 30;

// An IDX file, unpacked, and where it was.
struct IdxFile {
  std::shared_ptr<const FileTree> tree;
  size_t file = 0;
  bool packed = false;
  std::string bytes;
  IdxArray array;  // of `bytes`

  std::string Name() const { return tree->Describe(file); }
};

// "train-images-idx3-ubyte", "train-images.idx3-ubyte" as some mirrors have it, and both packed.
std::vector<std::string> Spellings(const std::string& name) {
  const std::string dotted = absl::StrReplaceAll(name, {{"-idx", ".idx"}});
  return {name, name + ".gz", dotted, dotted + ".gz"};
}

absl::Status ReadInto(SampleSet* set, IdxFile* file) {
  ASSIGN_OR_RETURN(file->bytes, ReadSourceFile(*file->tree, file->file, set));
  file->packed = IsGzip(file->bytes);
  if (file->packed) {
    auto unpacked = Gunzip(file->bytes, kMostUnpackedBytes);
    RETURN_IF_ERROR(Annotate(unpacked.status(), file->Name()));
    file->bytes = *std::move(unpacked);
  }
  auto array = ParseIdx(file->bytes);
  RETURN_IF_ERROR(Annotate(array.status(), file->Name()));
  file->array = *std::move(array);
  return absl::OkStatus();
}

absl::Status Open(const LocatedFile& files, const std::string& name, SampleSet* set,
                  IdxFile* file) {
  for (const std::string& spelling : Spellings(name)) {
    if (const auto found = files.tree->Find(files.prefix + spelling)) {
      file->tree = files.tree;
      file->file = *found;
      return ReadInto(set, file);
    }
  }
  return absl::NotFoundError(absl::StrCat(files.tree->path(), "/", files.prefix, name,
                                          " is not there, with or without .gz"));
}

absl::Status CheckShapes(const IdxFile& images, const IdxFile& labels) {
  const std::vector<int64_t>& shape = images.array.shape;
  if (shape.size() != 3 || shape[1] < 1 || shape[2] < 1 || shape[1] > kMostSide ||
      shape[2] > kMostSide) {
    return absl::InvalidArgumentError(absl::StrCat(images.Name(), ": an array [",
                                                   absl::StrJoin(shape, ", "),
                                                   "]; expected images, [n, height, width]"));
  }
  if (labels.array.shape != std::vector<int64_t>{shape[0]}) {
    return absl::DataLossError(absl::StrCat(labels.Name(), ": labels [",
                                            absl::StrJoin(labels.array.shape, ", "), "] for ",
                                            shape[0], " images"));
  }
  return absl::OkStatus();
}

// `name`: "train" or "t10k".
absl::Status ReadPart(const LocatedFile& files, const std::string& name, const std::string& scratch,
                      SampleSet* set, std::vector<Sample>* part) {
  IdxFile images, labels;
  RETURN_IF_ERROR(Open(files, absl::StrCat(name, "-images-idx3-ubyte"), set, &images));
  RETURN_IF_ERROR(Open(files, absl::StrCat(name, "-labels-idx1-ubyte"), set, &labels));
  RETURN_IF_ERROR(CheckShapes(images, labels));
  const int64_t height = images.array.shape[1], width = images.array.shape[2];
  if (set->raw.height > 0 && (set->raw.height != height || set->raw.width != width)) {
    return absl::InvalidArgumentError(absl::StrCat(images.Name(), ": images of ", height, " x ",
                                                   width, ", but those for training are of ",
                                                   set->raw.height, " x ", set->raw.width));
  }
  set->raw = {.height = height, .width = width, .channels = 1, .planar = false};
  RecordFile records = {.tree = images.tree,
                        .file = images.file,
                        .first = images.bytes.size() - images.array.values.size(),
                        .stride = static_cast<uint64_t>(height * width)};
  // Single images cannot be read out of a packed file: it is kept unpacked until the shards are
  // written.
  if (images.packed) {
    ASSIGN_OR_RETURN(records.tree,
                     FileTree::OfBytes(*images.tree, images.file, images.bytes, scratch));
    records.file = 0;
  }
  std::vector<int64_t> numbers;
  for (const char label : labels.array.values) numbers.push_back(static_cast<uint8_t>(label));
  AddRecords(records, numbers, set, part);
  return absl::OkStatus();
}

// `folders`: where the files may be found, the likeliest first.
absl::StatusOr<SampleSet> ReadIdxSet(const DatasetSource& source,
                                     const std::vector<std::string>& folders,
                                     std::vector<std::string> classes) {
  SampleSet set;
  set.modality = Modality::kImage;
  set.classes = std::move(classes);
  set.channels = 1;
  set.mean = set.deviation = {0.5F};
  std::vector<std::string> names;
  for (const std::string& folder : folders) {
    for (const std::string& spelling : Spellings(kTrainImages)) names.push_back(folder + spelling);
  }
  ASSIGN_OR_RETURN(DatasetFiles files, DatasetFiles::Open(source.root, source.scratch));
  auto located = files.LocateAny(names);
  // MNIST and Fashion-MNIST have the same names: without a folder's only if nothing else is there.
  if (absl::IsNotFound(located.status())) located = files.LocateAny(Spellings(kTrainImages));
  RETURN_IF_ERROR(located.status());
  // The others lie beside it.
  const std::string& name = located->tree->names()[located->file];
  located->prefix = name.substr(0, name.rfind('/') + 1);
  RETURN_IF_ERROR(ReadPart(*located, "train", source.scratch, &set, &set.train));
  RETURN_IF_ERROR(ReadPart(*located, "t10k", source.scratch, &set, &set.test));
  return set;
}

}  // namespace

absl::StatusOr<SampleSet> ReadFashionMnist(const DatasetSource& source) {
  return ReadIdxSet(
      source, {"datasets/fashion-mnist/", "fashion-mnist/", "FashionMNIST/raw/", "data/fashion/"},
      {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
       "Ankle boot"});
}

absl::StatusOr<SampleSet> ReadMnist(const DatasetSource& source) {
  return ReadIdxSet(source, {"MNIST/raw/", "mnist/"},
                    {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
}

}  // namespace tributary
