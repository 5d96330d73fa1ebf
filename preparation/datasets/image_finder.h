// ImageFinder: the image files that captions and tables name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "preparation/datasets/sample_set.h"
#include "preparation/files/file_tree.h"

namespace tributary {

// Puts each image that is asked for into a SampleSet, once. An image may be in any place that
// DatasetFiles looks into; where one was found, the next is looked for first. Not thread-safe.
class ImageFinder {
 public:
  // Both must outlive this.
  ImageFinder(DatasetFiles* files, SampleSet* set) : files_(files), set_(set) {}

  // Looks for names behind `prefix` in `tree` before anywhere else.
  void LookIn(std::shared_ptr<const FileTree> tree, std::string prefix);
  // From now on a tree in which an image was found is searched in that one place: "a/1.png" is then
  // missing even if the tree has an "old/a/1.png". For names that are paths, not unique file names.
  void KeepToOnePlace() { one_place_ = true; }

  // The number in set->images of the file `name` ("train2014/x.jpg"; "./x.jpg" and "x.jpg" are
  // one), or else the file whose name differs only in how accented letters are composed: tables and
  // file systems write them in two ways. NotFound if there is none; FailedPrecondition if there was
  // none of the first kMostSearches either: the images are not there at all. Other errors: an
  // archive cannot be read.
  absl::StatusOr<int64_t> Find(const std::string& name);

  // A search through everything takes long; so many may fail, then only places where an image was
  // found are looked at.
  static constexpr size_t kMostSearches = 100;

 private:
  struct Place {
    std::shared_ptr<const FileTree> tree;
    std::string prefix;
    bool proven = false;  // an image was found there
  };

  // The file's number, added to the set if it is new.
  int64_t NumberOf(const std::shared_ptr<const FileTree>& tree, size_t file);
  bool FoundIn(const FileTree* tree) const;
  // `names`: ways to write one name; the first that is there counts.
  absl::StatusOr<int64_t> FindNew(const std::vector<std::string>& names);
  absl::StatusOr<int64_t> SearchEverywhere(const std::vector<std::string>& names);

  DatasetFiles* const files_;
  SampleSet* const set_;
  std::vector<Place> places_;
  bool one_place_ = false;
  std::string first_missing_;
  size_t searches_ = 0;                                // that failed
  absl::flat_hash_map<std::string, int64_t> by_name_;  // -1: not there
  absl::flat_hash_map<uint64_t, int64_t> by_file_;     // tree << 32 | file
};

}  // namespace tributary
