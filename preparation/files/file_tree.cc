#include "preparation/files/file_tree.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "preparation/files/archive_magic.h"
#include "preparation/files/folder_tree.h"
#include "preparation/files/tar_tree.h"
#include "preparation/files/zip_tree.h"

namespace tributary {
namespace {

constexpr uint64_t kMostWholeRead = uint64_t{2} << 30;

}  // namespace

absl::StatusOr<std::shared_ptr<const FileTree>> FileTree::Open(const std::string& path,
                                                               const std::string& scratch) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return absl::NotFoundError(absl::StrCat(path, ": ", error.message()));
  }
  if (std::filesystem::is_directory(status)) return OpenFolder(path);
  if (!std::filesystem::is_regular_file(status)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": neither a folder nor a file"));
  }
  // Only a zip is sure by its first bytes. An old tar has no mark, and whether a packed file holds
  // a tar shows when it is unpacked: OpenTar() refuses what is none.
  ASSIGN_OR_RETURN(const ArchiveKind kind, KindOfFile(path));
  return kind == ArchiveKind::kZip ? OpenZip(path, scratch) : OpenTar(path, scratch);
}

std::optional<size_t> FileTree::Find(absl::string_view name) const {
  const auto found = std::lower_bound(names_.begin(), names_.end(), name);
  if (found == names_.end() || *found != name) return std::nullopt;
  return static_cast<size_t>(found - names_.begin());
}

std::string FileTree::Describe(size_t file) const { return absl::StrCat(path_, "/", names_[file]); }

absl::StatusOr<std::string> FileTree::Read(size_t file) const {
  ASSIGN_OR_RETURN(const uint64_t size, Size(file));
  if (size > kMostWholeRead) {
    return absl::ResourceExhaustedError(
        absl::StrCat(Describe(file), ": ", size, " bytes are too many for one file of this kind"));
  }
  return Read(file, 0, size);
}

absl::Status FileTree::CheckRange(size_t file, uint64_t size, uint64_t offset,
                                  uint64_t length) const {
  if (offset <= size && length <= size - offset) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat(Describe(file), ": cut short: ", length,
                                            " bytes were expected at ", offset, ", but it has ",
                                            size, " in all"));
}

}  // namespace tributary
