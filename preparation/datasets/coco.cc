#include "preparation/datasets/coco.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "preparation/datasets/captioned_images.h"
#include "preparation/datasets/image_finder.h"
#include "preparation/datasets/karpathy_split.h"
#include "preparation/files/json_stream.h"
#include "preparation/files/json_value.h"
#include "preparation/files/npy.h"

namespace tributary {
namespace {

using nlohmann::json;

constexpr char kKarpathy[] = "dataset_coco.json";

struct Annotation {
  int64_t id = 0;
  int64_t image = 0;
  std::string caption;
};

// The captions of both files, in their order, and where each is by its id.
class CocoCaptions {
 public:
  CocoCaptions(ImageFinder* finder, SampleSet* set) : finder_(finder), set_(set) {}

  // Reads "captions_train2014.json"; images are in `folder`. Its number is that of calls before.
  absl::Status Read(const LocatedFile& file, std::string folder);
  // All captions of file number `file`.
  absl::Status AddAll(size_t file, std::vector<Sample>* part);
  // The captions that the file `ids` names, in that order; of file number `file`, else of another.
  absl::Status AddListed(const std::string& ids, size_t file, std::vector<Sample>* part);

 private:
  struct CaptionFile {
    int32_t origin = 0;
    std::string folder{};
    absl::flat_hash_map<int64_t, std::string> images{};  // file names by id
    std::vector<Annotation> annotations{};
    absl::flat_hash_map<int64_t, size_t> by_id{};  // of annotations
  };

  // Each lists what it cannot use.
  absl::Status ReadImage(const json& element, CaptionFile* file);
  absl::Status ReadAnnotation(const json& element, CaptionFile* file);
  absl::Status Add(const CaptionFile& file, const Annotation& annotation,
                   std::vector<Sample>* part);
  absl::Status AddById(int64_t id, size_t first_file, const std::string& ids,
                       std::vector<Sample>* part);
  absl::Status Leave(const CaptionFile& file, std::string reason) {
    return Skip(set_, set_->origins[static_cast<size_t>(file.origin)], 0, std::move(reason));
  }

  ImageFinder* const finder_;
  SampleSet* const set_;
  std::vector<CaptionFile> files_;
};

absl::Status CocoCaptions::ReadImage(const json& element, CaptionFile* file) {
  int64_t id;
  std::string name = TextAt(element, "file_name");
  if (!NumberAt(element, "id", &id) || name.empty()) {
    return Leave(*file, "an image without \"id\" or \"file_name\"");
  }
  if (file->images.try_emplace(id, std::move(name)).second) return absl::OkStatus();
  return Leave(*file, absl::StrCat("image ", id, " for the second time"));
}

absl::Status CocoCaptions::ReadAnnotation(const json& element, CaptionFile* file) {
  Annotation read;
  if (!NumberAt(element, "id", &read.id) || !NumberAt(element, "image_id", &read.image)) {
    return Leave(*file, "an annotation without \"id\" or \"image_id\"");
  }
  if (!file->by_id.try_emplace(read.id, file->annotations.size()).second) {
    return Leave(*file, absl::StrCat("annotation ", read.id, " for the second time"));
  }
  read.caption = TextAt(element, "caption");
  file->annotations.push_back(std::move(read));
  return absl::OkStatus();
}

absl::Status CocoCaptions::Read(const LocatedFile& located, std::string folder) {
  const std::string path = located.tree->Describe(located.file);
  CaptionFile file = {.origin = AddOrigin(set_, path), .folder = std::move(folder)};
  ASSIGN_OR_RETURN(const std::string text, ReadSourceFile(*located.tree, located.file, set_));
  // The visitor's callbacks return nothing; Update() keeps the first status that is not OK.
  absl::Status status;
  RETURN_IF_ERROR(VisitJsonArrays(
      text, path,
      {{"images", [&](const json& element) { status.Update(ReadImage(element, &file)); }},
       {"annotations",
        [&](const json& element) { status.Update(ReadAnnotation(element, &file)); }}}));
  RETURN_IF_ERROR(status);
  files_.push_back(std::move(file));
  return absl::OkStatus();
}

absl::Status CocoCaptions::Add(const CaptionFile& file, const Annotation& annotation,
                               std::vector<Sample>* part) {
  const auto name = file.images.find(annotation.image);
  if (name == file.images.end()) {
    return Leave(file, absl::StrCat("annotation ", annotation.id, ": image ", annotation.image,
                                    " is not among \"images\""));
  }
  // AddPairs() knows no annotations; lines mean nothing in JSON, so the id is put in front.
  const size_t skipped = set_->skipped.size();
  RETURN_IF_ERROR(AddPairs({.file = absl::StrCat(file.folder, "/", name->second),
                            .split = "",
                            .captions = {{.text = annotation.caption}}},
                           file.origin, finder_, set_, part));
  if (set_->skipped.size() > skipped) {
    std::string& reason = set_->skipped.back().reason;
    reason = absl::StrCat("annotation ", annotation.id, ": ", reason);
  }
  return absl::OkStatus();
}

absl::Status CocoCaptions::AddAll(size_t file, std::vector<Sample>* part) {
  for (const Annotation& annotation : files_[file].annotations) {
    RETURN_IF_ERROR(Add(files_[file], annotation, part));
  }
  return absl::OkStatus();
}

absl::Status CocoCaptions::AddById(int64_t id, size_t first_file, const std::string& ids,
                                   std::vector<Sample>* part) {
  for (size_t i = 0; i < files_.size(); ++i) {
    // The part's own file first. Ids may name captions of the other as well: both are in by_id.
    const CaptionFile& file = files_[(first_file + i) % files_.size()];
    const auto found = file.by_id.find(id);
    if (found != file.by_id.end()) return Add(file, file.annotations[found->second], part);
  }
  return Skip(set_, ids, 0, absl::StrCat("annotation ", id, " is unknown"));
}

absl::Status CocoCaptions::AddListed(const std::string& ids, size_t file,
                                     std::vector<Sample>* part) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> listed, ReadIds(ids));
  for (const int64_t id : listed) RETURN_IF_ERROR(AddById(id, file, ids, part));
  return absl::OkStatus();
}

absl::Status ReadYear(const DatasetSource& source, const std::string& year, DatasetFiles* files,
                      SampleSet* set) {
  ImageFinder finder(files, set);
  CocoCaptions captions(&finder, set);
  // Both files first: ids of either part may name captions of the other.
  for (const char* const part : {"train", "val"}) {
    ASSIGN_OR_RETURN(const LocatedFile file,
                     files->Locate(absl::StrCat("captions_", part, year, ".json")));
    RETURN_IF_ERROR(captions.Read(file, absl::StrCat(part, year)));
  }
  const auto add = [&](size_t file, const std::string& ids, std::vector<Sample>* part) {
    return ids.empty() ? captions.AddAll(file, part) : captions.AddListed(ids, file, part);
  };
  RETURN_IF_ERROR(add(0, source.train_ids, &set->train));
  return add(1, source.test_ids, &set->test);
}

// "2014", "2017" or "karpathy": the first whose file is there.
absl::StatusOr<std::string> FindVariant(DatasetFiles* files) {
  ASSIGN_OR_RETURN(
      const LocatedFile file,
      files->LocateAny({"captions_train2014.json", "captions_train2017.json", kKarpathy}));
  const std::string path = file.tree->Describe(file.file);
  if (path.ends_with(kKarpathy)) return "karpathy";
  return path.ends_with("2014.json") ? "2014" : "2017";
}

}  // namespace

absl::StatusOr<SampleSet> ReadCoco(const DatasetSource& source) {
  ASSIGN_OR_RETURN(DatasetFiles files, DatasetFiles::Open(source.root, source.scratch));
  std::string variant = source.variant;
  if (variant.empty()) {
    ASSIGN_OR_RETURN(variant, FindVariant(&files));
  }
  SampleSet set;
  if (variant != "karpathy") {
    RETURN_IF_ERROR(ReadYear(source, variant, &files, &set));
    return set;
  }
  if (!source.train_ids.empty() || !source.test_ids.empty()) {
    return absl::InvalidArgumentError(
        "coco, variant karpathy: files of ids name annotations, which it has not; use variant "
        "2014");
  }
  ASSIGN_OR_RETURN(const LocatedFile file, files.Locate(kKarpathy));
  ImageFinder finder(&files, &set);
  RETURN_IF_ERROR(AddKarpathySplit(file, &finder, &set));
  return set;
}

}  // namespace tributary
