#include "common/data/files/file_tree.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/data/files/folder_tree.h"

namespace tributary {

absl::StatusOr<std::shared_ptr<const FileTree>> FileTree::Open(const std::string& path,
                                                               const std::string& /*scratch*/) {
  return OpenFolder(path);
}

std::optional<size_t> FileTree::Find(absl::string_view name) const {
  const auto found = std::lower_bound(names_.begin(), names_.end(), name);
  if (found == names_.end() || *found != name) return std::nullopt;
  return static_cast<size_t>(found - names_.begin());
}

std::string FileTree::Describe(size_t file) const { return absl::StrCat(path_, "/", names_[file]); }

absl::StatusOr<std::string> FileTree::Read(size_t file) const {
  ASSIGN_OR_RETURN(const uint64_t size, Size(file));
  return Read(file, 0, size);
}

}  // namespace tributary
