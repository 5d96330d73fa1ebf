#include "preparation/datasets/image_folder.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "preparation/files/text_encoding.h"
#include "preparation/files/utf8.h"

namespace tributary {
namespace {

const std::vector<std::string>& Extensions() {
  static const std::vector<std::string> kExtensions = {".jpg",  ".jpeg", ".png", ".bmp", ".webp",
                                                       ".tiff", ".tif",  ".ppm", ".pgm", ".svg",
                                                       ".gif",  ".jp2",  ".dcm"};
  return kExtensions;
}

// The class that a folder's name says: in UTF-8, with its letters composed, so that it is the same
// class whatever system wrote the name.
absl::StatusOr<std::string> ClassNamed(absl::string_view folder, const std::string& encoding) {
  if (!FindBrokenUtf8(folder)) return Composed(folder);
  if (!encoding.empty()) return ToUtf8(folder, encoding);
  return absl::InvalidArgumentError(absl::StrCat(
      "the folder \"", AsUsualText(folder), "\" has a name that is not UTF-8; say its ",
      "encoding (--encoding ", kUsualEncoding, "), or rename it"));
}

// Why a file is not taken; nothing if it is.
std::optional<std::string> WhyNot(absl::string_view name) {
  const absl::string_view file = name.substr(name.rfind('/') + 1);
  if (absl::StartsWith(file, ".") || absl::StartsWith(name, "__MACOSX/")) return "a hidden file";
  const auto ends = [&](const std::string& one) { return absl::EndsWithIgnoreCase(file, one); };
  if (std::any_of(Extensions().begin(), Extensions().end(), ends)) return std::nullopt;
  for (const char* volume : {".nii", ".nii.gz"}) {
    if (!absl::EndsWithIgnoreCase(file, volume)) continue;
    return "a NIfTI volume, which is no image; write the slices that matter as PNG or DICOM";
  }
  return absl::StrCat("no image by its name; expected ", absl::StrJoin(Extensions(), ", "));
}

struct ClassImage {
  size_t file = 0;
  std::string name;  // of the class
};

// The images of one part.
class PartImages {
 public:
  // Takes the files behind `prefix`; what is no image of a class goes to `skipped`.
  // `encoding`: of folders' names that are not UTF-8.
  PartImages(const FileTree& tree, absl::string_view prefix, const std::string& encoding,
             std::vector<SkippedSample>* skipped) {
    const auto& names = tree.names();
    const auto begin = std::lower_bound(names.begin(), names.end(), prefix);
    for (auto name = begin; name != names.end() && absl::StartsWith(*name, prefix); ++name) {
      const auto file = static_cast<size_t>(name - names.begin());
      const absl::string_view inside = absl::string_view(*name).substr(prefix.size());
      const size_t slash = inside.find('/');
      std::optional<std::string> reason = WhyNot(*name);
      if (!reason && slash == absl::string_view::npos) reason = "in no class's folder";
      if (reason) {
        skipped->push_back({tree.Describe(file), 0, *reason});
        continue;
      }
      absl::StatusOr<std::string> name_of_class = ClassNamed(inside.substr(0, slash), encoding);
      if (!name_of_class.ok()) {
        status_ = Annotate(name_of_class.status(), tree.path());
        return;
      }
      images_.push_back({file, *std::move(name_of_class)});
    }
  }

  // InvalidArgument if the name of a class cannot be read.
  const absl::Status& status() const { return status_; }
  const std::vector<ClassImage>& images() const { return images_; }

  // Its folders' names and `known`, sorted.
  std::vector<std::string> Classes(const std::vector<std::string>& known) const {
    std::set<std::string> names(known.begin(), known.end());
    for (const ClassImage& image : images_) names.insert(image.name);
    return {names.begin(), names.end()};
  }

 private:
  absl::Status status_;
  std::vector<ClassImage> images_;
};

// Whether a folder called "train" is that of a part and not that of a class.
bool HasClasses(const LocatedFile& folder) {
  std::vector<SkippedSample> ignored;
  // Whatever the encoding of their names, which is read later.
  const PartImages images(*folder.tree, folder.prefix, "latin1", &ignored);
  return !images.images().empty();
}

// Adds an image whose class training has; others are listed.
void AddImage(const ClassImage& image, SampleSet* set, std::vector<Sample>* part) {
  const auto& classes = set->classes;
  const auto found = std::lower_bound(classes.begin(), classes.end(), image.name);
  if (found == classes.end() || *found != image.name) {
    set->skipped.push_back({set->trees[0]->Describe(image.file), 0,
                            absl::StrCat("training has no class \"", image.name, "\"")});
    return;
  }
  Sample sample;
  sample.image = static_cast<int64_t>(set->images.size());
  sample.label = static_cast<int32_t>(found - classes.begin());
  set->images.push_back({.tree = 0, .file = static_cast<uint32_t>(image.file)});
  part->push_back(std::move(sample));
}

// The folder in which the classes' folders are: the deepest that all images share, or the one above
// if that is the folder of the only class.
std::string FolderOfClasses(const FileTree& tree) {
  std::optional<std::string> shared;
  bool direct = false;
  for (const std::string& name : tree.names()) {
    if (WhyNot(name)) continue;
    const std::string folder = name.substr(0, name.rfind('/') + 1);
    if (!shared) shared = folder;
    // Shortened by a folder at a time, "a/b/" to "a/", until it fits. It is then no longer the
    // folder in which an image lies directly.
    while (!absl::StartsWith(folder, *shared)) {
      shared->pop_back();
      shared->resize(shared->rfind('/') + 1);
      direct = false;
    }
    direct = direct || folder == *shared;
  }
  if (!shared || !direct || shared->empty()) return shared.value_or("");
  shared->pop_back();
  return shared->substr(0, shared->rfind('/') + 1);
}

// The first folder beside "train/" that is for tests; empty if there is none.
std::string FindTestFolder(const FileTree& tree, const std::string& beside) {
  for (const char* name : {"test/", "val/", "valid/", "validation/"}) {
    std::string prefix = absl::StrCat(beside, name);
    const auto found = std::lower_bound(tree.names().begin(), tree.names().end(), prefix);
    if (found != tree.names().end() && absl::StartsWith(*found, prefix)) return prefix;
  }
  return "";
}

absl::Status DrawParts(const PartImages& images, const DatasetSource& source, SampleSet* set) {
  if (!(source.test_share >= 0 && source.test_share < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("test share ", source.test_share, "; expected 0 or more, and less than 1"));
  }
  RandomStream stream(source.seed, "image-folder.test");
  for (const ClassImage& image : images.images()) {
    const bool test = stream.Uniform() < source.test_share;
    AddImage(image, set, test ? &set->test : &set->train);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SampleSet> ReadImageFolder(const DatasetSource& source) {
  SampleSet set;
  set.modality = Modality::kImage;
  ASSIGN_OR_RETURN(DatasetFiles files, DatasetFiles::Open(source.root, source.scratch));
  // "train" may also be the name of a class, of pictures of trains: no folders of classes are in
  // it.
  auto located = files.LocateFolder("train");
  const bool parted = located.ok() && HasClasses(*located);
  if (!parted && (located.ok() || absl::IsNotFound(located.status()))) {
    located = files.LocateExtension(Extensions());
  }
  RETURN_IF_ERROR(located.status());
  const FileTree& tree = *located->tree;
  set.trees = {located->tree};
  const std::string train = parted ? located->prefix : FolderOfClasses(tree);
  NoteLeftOut(tree, &set);
  const PartImages images(tree, train, source.encoding, &set.skipped);
  RETURN_IF_ERROR(images.status());
  set.classes = images.Classes(source.classes);
  const std::string test =
      parted ? FindTestFolder(tree, train.substr(0, train.size() - std::string("train/").size()))
             : "";
  if (test.empty()) {
    RETURN_IF_ERROR(DrawParts(images, source, &set));
  } else {
    for (const ClassImage& image : images.images()) AddImage(image, &set, &set.train);
    const PartImages test_images(tree, test, source.encoding, &set.skipped);
    RETURN_IF_ERROR(test_images.status());
    for (const ClassImage& image : test_images.images()) AddImage(image, &set, &set.test);
  }
  if (!set.train.empty()) return set;
  return absl::InvalidArgumentError(
      absl::StrCat(tree.path(), "/", train, ": no images in folders of classes; expected ", train,
                   "CLASS/NAME.jpg or another of ", absl::StrJoin(Extensions(), ", ")));
}

}  // namespace tributary
