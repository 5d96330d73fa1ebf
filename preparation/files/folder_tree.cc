// A FileTree of a plain folder.

#include "preparation/files/folder_tree.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

class FolderTree : public FileTree {
 public:
  FolderTree(std::string folder, std::vector<std::string> names)
      : FileTree(std::move(folder), std::move(names)) {}

  absl::StatusOr<uint64_t> Size(size_t file) const override {
    std::error_code error;
    const uint64_t size = std::filesystem::file_size(Describe(file), error);
    if (error) {
      return absl::NotFoundError(absl::StrCat(Describe(file), ": ", error.message()));
    }
    return size;
  }

  absl::StatusOr<std::string> Read(size_t file, uint64_t offset, uint64_t length) const override {
    ASSIGN_OR_RETURN(const uint64_t size, Size(file));
    RETURN_IF_ERROR(CheckRange(file, size, offset, length));
    const std::string path = Describe(file);
    std::ifstream stream(path, std::ios::binary);
    if (!stream) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
    std::string bytes(length, '\0');
    stream.seekg(static_cast<std::streamoff>(offset));
    stream.read(bytes.data(), static_cast<std::streamsize>(length));
    if (static_cast<uint64_t>(stream.gcount()) != length) {
      return absl::OutOfRangeError(absl::StrCat(path, ": cut short: bytes ", offset, " to ",
                                                offset + length, " are not all there"));
    }
    return bytes;
  }
};

}  // namespace

absl::StatusOr<std::shared_ptr<const FileTree>> OpenFolder(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::recursive_directory_iterator entries(folder, fs::directory_options::follow_directory_symlink,
                                           error);
  if (error) return absl::NotFoundError(absl::StrCat(folder, ": ", error.message()));
  std::vector<std::string> names;
  for (const fs::recursive_directory_iterator end; entries != end; entries.increment(error)) {
    std::error_code ignored;  // of a broken link, which is no file
    // Links are followed, since datasets are often linked into place; this is what ends a loop.
    if (entries.depth() > kMostFolderDepth) entries.disable_recursion_pending();
    if (entries->is_regular_file(ignored)) {
      names.push_back(entries->path().lexically_relative(folder).generic_string());
    }
    if (names.size() > kMostFiles) {
      return absl::ResourceExhaustedError(absl::StrCat(folder, " holds more than ", kMostFiles,
                                                       " files; name a folder further in"));
    }
  }
  // increment() turns the iterator into the end where it fails: the list would be incomplete.
  if (error) return absl::InternalError(absl::StrCat(folder, ": ", error.message()));
  std::sort(names.begin(), names.end());
  return std::make_shared<FolderTree>(folder, std::move(names));
}

std::shared_ptr<const FileTree> FileTree::OfFolder(const std::string& folder,
                                                   std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return std::make_shared<FolderTree>(folder, std::move(names));
}

}  // namespace tributary
