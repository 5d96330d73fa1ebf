#include "preparation/datasets/image_finder.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "preparation/files/text_encoding.h"

namespace tributary {

void ImageFinder::LookIn(std::shared_ptr<const FileTree> tree, std::string prefix) {
  places_.push_back({.tree = std::move(tree), .prefix = std::move(prefix)});
}

int64_t ImageFinder::NumberOf(const std::shared_ptr<const FileTree>& tree, size_t file) {
  // Trees are few: a folder and the archives in it.
  auto known = std::find(set_->trees.begin(), set_->trees.end(), tree);
  const auto number = static_cast<uint32_t>(known - set_->trees.begin());
  if (known == set_->trees.end()) set_->trees.push_back(tree);
  const auto [entry, is_new] = by_file_.try_emplace(uint64_t{number} << 32 | file,
                                                    static_cast<int64_t>(set_->images.size()));
  if (is_new) {
    set_->images.push_back({.tree = number, .file = static_cast<uint32_t>(file)});
  }
  return entry->second;
}

// Goes through the names of all trees, and may unpack archives, which takes seconds to minutes. A
// success proves a place, in which the images to come are found at once.
absl::StatusOr<int64_t> ImageFinder::SearchEverywhere(const std::vector<std::string>& names) {
  const std::string& name = names.front();
  const absl::StatusOr<LocatedFile> located = files_->LocateAny(names);
  if (located.ok() && !(one_place_ && FoundIn(located->tree.get()))) {
    places_.push_back({.tree = located->tree, .prefix = located->prefix, .proven = true});
    return NumberOf(located->tree, located->file);
  }
  if (!located.ok() && !absl::IsNotFound(located.status())) return located.status();
  if (++searches_ == 1) first_missing_ = name;
  // One missing image is left out. But if none of a hundred is there, the user has the captions
  // alone, and a list of 100,000 missing images would not say so.
  if (searches_ < kMostSearches || !set_->images.empty()) {
    return absl::NotFoundError(absl::StrCat("image ", name, " is not there"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat(files_->root(), ": the images are missing: none of the first ", searches_,
                   " is there, in a folder or an archive; the first is ", first_missing_));
}

bool ImageFinder::FoundIn(const FileTree* tree) const {
  return std::any_of(places_.begin(), places_.end(),
                     [&](const Place& place) { return place.proven && place.tree.get() == tree; });
}

absl::StatusOr<int64_t> ImageFinder::FindNew(const std::vector<std::string>& names) {
  for (Place& place : places_) {
    for (const std::string& name : names) {
      const auto file = place.tree->Find(place.prefix + name);
      if (!file) continue;
      place.proven = true;
      return NumberOf(place.tree, *file);
    }
  }
  if (searches_ < kMostSearches) return SearchEverywhere(names);
  return absl::NotFoundError(absl::StrCat("image ", names.front(), " is not there"));
}

absl::StatusOr<int64_t> ImageFinder::Find(const std::string& name) {
  const std::string normal = std::filesystem::path(absl::StrReplaceAll(name, {{"\\", "/"}}))
                                 .lexically_normal()
                                 .generic_string();
  const auto known = by_name_.find(normal);
  if (known != by_name_.end() && known->second >= 0) return known->second;
  if (known != by_name_.end()) {
    return absl::NotFoundError(absl::StrCat("image ", normal, " is not there"));
  }
  std::vector<std::string> names = {normal};
  for (std::string& form : std::vector<std::string>{Composed(normal), Decomposed(normal)}) {
    if (form != normal) names.push_back(std::move(form));
  }
  absl::StatusOr<int64_t> found = FindNew(names);
  // Other errors are not remembered: they end the reading.
  if (found.ok() || absl::IsNotFound(found.status())) by_name_[normal] = found.value_or(-1);
  return found;
}

}  // namespace tributary
