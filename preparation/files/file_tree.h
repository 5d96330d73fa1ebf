// FileTree: the files of a dataset as its publisher ships them, in a folder, a .zip or a tar
// archive, read alike.
//
// Names are relative, with '/' between parts, sorted; what is not a regular file, and names that
// lead out of the tree ("../x", "/x"), are left out. A zip is read in place. A tar (.tar, .tar.gz,
// .tgz, .tar.bz2, .tar.xz) cannot be: opening it unpacks its files, one after the other, into one
// scratch file, which is gone when the tree is destroyed. An archive that unpacks to more than 200
// times its size, and to more than 1 GiB, is refused.
//
// Immutable and thread-safe after Open().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

class FileTree {
 public:
  virtual ~FileTree() = default;

  // Opens a folder or an archive. `scratch`: an existing folder for what has to be unpacked; its
  // disk must hold the unpacked files. NotFound if `path` is not there, DataLoss if the archive is
  // damaged or cut short, InvalidArgument for a file that is no archive.
  static absl::StatusOr<std::shared_ptr<const FileTree>> Open(const std::string& path,
                                                              const std::string& scratch);

  // A folder of which only `names`, relative to it, are looked at: they may be links, and a large
  // folder is not walked.
  static std::shared_ptr<const FileTree> OfFolder(const std::string& folder,
                                                  std::vector<std::string> names);

  // A tree of one file: file number `file` of `tree` by its name, with `bytes` for its content
  // (what a reader unpacked or worked out of it). They are kept in `scratch`, not in memory.
  static absl::StatusOr<std::shared_ptr<const FileTree>> OfBytes(const FileTree& tree, size_t file,
                                                                 absl::string_view bytes,
                                                                 const std::string& scratch);

  // The folder or archive, for messages.
  const std::string& path() const { return path_; }
  const std::vector<std::string>& names() const { return names_; }
  // Where `name` stands in names(); nothing if it is not there.
  std::optional<size_t> Find(absl::string_view name) const;
  // "path/name", for messages and manifests.
  std::string Describe(size_t file) const;

  // Folders that could not be looked into, and links that lead back to a folder that they are in.
  struct LeftOut {
    std::string path;
    std::string reason;
  };
  const std::vector<LeftOut>& left_out() const { return left_out_; }

  // Bytes of file number `file`, unpacked.
  virtual absl::StatusOr<uint64_t> Size(size_t file) const = 0;
  // The whole file. DataLoss if it is damaged, ResourceExhausted if it is larger than 2 GiB.
  absl::StatusOr<std::string> Read(size_t file) const;
  // `length` bytes from `offset`. OutOfRange, naming the file, if it is shorter.
  virtual absl::StatusOr<std::string> Read(size_t file, uint64_t offset, uint64_t length) const = 0;

 protected:
  // `names`: sorted, each once; a subclass keeps its files in that order.
  FileTree(std::string path, std::vector<std::string> names, std::vector<LeftOut> left_out = {})
      : path_(std::move(path)), names_(std::move(names)), left_out_(std::move(left_out)) {}
  // OutOfRange, naming the file, if the bytes are not within its `size`.
  absl::Status CheckRange(size_t file, uint64_t size, uint64_t offset, uint64_t length) const;

 private:
  const std::string path_;
  const std::vector<std::string> names_;  // sorted
  const std::vector<LeftOut> left_out_;
};

// A file that was looked for, and the tree that holds it.
struct LocatedFile {
  std::shared_ptr<const FileTree> tree;
  size_t file = 0;
  // What stands before the looked-for name in the tree: "" or "cifar-100-binary/". The dataset's
  // other files are found behind the same prefix.
  std::string prefix;
};

// Looks for a dataset's parts wherever users keep them. `root` may be a folder or an archive.
//
// Locate("annotations/captions_train2014.json") finds the name in `root` itself, behind any folder
// in it (at most two deep; the shallowest counts), or in an archive that lies directly in `root`; a
// folder is preferred to an archive. What is an archive, its first bytes tell. Archives are opened
// once, when first needed, those whose name resembles nothing that is looked for last.
//
// Not found is NotFound, or the first archive's own error if one could not be opened; the message
// names `root`, what was looked for, and the archives that were looked into.
//
// Not thread-safe.
class DatasetFiles {
 public:
  // NotFound if `root` is not there; FileTree::Open()'s errors. `scratch` as there.
  static absl::StatusOr<DatasetFiles> Open(const std::string& root, const std::string& scratch);

  absl::StatusOr<LocatedFile> Locate(absl::string_view name);
  // The first of `names` that is there, in the first place that holds any of them.
  absl::StatusOr<LocatedFile> LocateAny(const std::vector<std::string>& names);
  // A folder of files: finds a tree with at least one file behind "<folder>/". `file` is the first
  // of them; `prefix` includes "<folder>/".
  absl::StatusOr<LocatedFile> LocateFolder(absl::string_view folder);
  // A tree with a file whose name ends in one of `extensions` (".jpg"; case does not matter).
  // `file` is the first of them; `prefix` is empty.
  absl::StatusOr<LocatedFile> LocateExtension(const std::vector<std::string>& extensions);

  const std::string& root() const { return root_; }

 private:
  struct Archive {
    std::string path;
    std::shared_ptr<const FileTree> tree{};  // null until opened
    absl::Status status{};                   // of opening it
  };
  using Find = std::function<std::optional<LocatedFile>(std::shared_ptr<const FileTree>)>;

  DatasetFiles(std::string root, std::string scratch)
      : root_(std::move(root)), scratch_(std::move(scratch)) {}

  // `wanted`: what is looked for, for the order of archives and for messages.
  absl::StatusOr<LocatedFile> Search(const std::vector<std::string>& wanted, const Find& find);
  absl::Status NotFound(const std::vector<std::string>& wanted) const;

  std::string root_, scratch_;
  std::shared_ptr<const FileTree> folder_;  // null if root is an archive
  std::vector<Archive> archives_;
};

}  // namespace tributary
