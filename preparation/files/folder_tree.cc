// A FileTree of a plain folder.

#include "preparation/files/folder_tree.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>
#include <utility>

#include <sys/stat.h>
#include <sys/types.h>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostRepeats = 10'000;

class FolderTree : public FileTree {
 public:
  FolderTree(std::string folder, std::vector<std::string> names, std::vector<LeftOut> left_out)
      : FileTree(std::move(folder), std::move(names), std::move(left_out)) {}

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

// Lists the files of a folder and of the folders in it. Links are followed, since datasets are
// often linked into place; one that leads back to a folder that it is in is not, as its files would
// come again and again under other names.
class Walk {
 public:
  explicit Walk(std::string root) : root_(std::move(root)) {}

  // Enters the folder `inside` of the root ("" or "a/b/"). An error only if the root itself cannot
  // be read or holds too many files; what else cannot be read is left out.
  absl::Status Enter(const std::string& inside) {
    const std::string folder = inside.empty() ? root_ : absl::StrCat(root_, "/", inside);
    struct stat place = {};
    if (stat(folder.c_str(), &place) != 0) return LeaveOut(inside, errno);
    const auto same = [&](const auto& above) {
      return above.first == place.st_dev && above.second == place.st_ino;
    };
    if (std::any_of(above_.begin(), above_.end(), same)) {
      left_out_.push_back({folder, "a link back to a folder that it is in"});
      return absl::OkStatus();
    }
    if (above_.size() > kMostFolderDepth) {
      left_out_.push_back({folder, absl::StrCat("deeper than ", kMostFolderDepth, " folders")});
      return absl::OkStatus();
    }
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    if (error) return LeaveOut(inside, error.value());
    // Links between n folders make up to n! paths without any circle.
    if (!seen_.emplace(place.st_dev, place.st_ino).second && ++repeats_ > kMostRepeats) {
      return absl::ResourceExhaustedError(
          absl::StrCat(root_, ": links lead to the same folders more than ", kMostRepeats,
                       " times; remove them, or name a folder further in"));
    }
    above_.emplace_back(place.st_dev, place.st_ino);
    std::vector<std::string> folders;
    for (const fs::directory_iterator end; entries != end; entries.increment(error)) {
      RETURN_IF_ERROR(Take(*entries, inside, &folders));
    }
    // increment() turns the iterator into the end where it fails.
    if (error) RETURN_IF_ERROR(LeaveOut(inside, error.value()));
    for (const std::string& next : folders) RETURN_IF_ERROR(Enter(next));
    above_.pop_back();
    return absl::OkStatus();
  }

  std::shared_ptr<const FileTree> Finish() && {
    std::sort(names_.begin(), names_.end());
    const auto by_path = [](const auto& a, const auto& b) { return a.path < b.path; };
    std::sort(left_out_.begin(), left_out_.end(), by_path);
    return std::make_shared<FolderTree>(root_, std::move(names_), std::move(left_out_));
  }

 private:
  absl::Status Take(const fs::directory_entry& entry, const std::string& inside,
                    std::vector<std::string>* folders) {
    std::error_code ignored;  // of a broken link, which is neither
    const std::string name = absl::StrCat(inside, entry.path().filename().string());
    if (entry.is_directory(ignored)) {
      folders->push_back(name + "/");
    } else if (entry.is_regular_file(ignored)) {
      names_.push_back(name);
    }
    if (names_.size() <= kMostFiles) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        absl::StrCat(root_, " holds more than ", kMostFiles, " files; name a folder further in"));
  }

  absl::Status LeaveOut(const std::string& inside, int error) {
    if (inside.empty()) return ErrnoStatus(error, root_);
    left_out_.push_back(
        {absl::StrCat(root_, "/", inside),
         absl::StrCat("the folder cannot be read: ", std::generic_category().message(error))});
    return absl::OkStatus();
  }

  const std::string root_;
  std::vector<std::string> names_;
  std::vector<FileTree::LeftOut> left_out_;
  std::vector<std::pair<dev_t, ino_t>> above_;  // the folders from the root to the present one
  std::set<std::pair<dev_t, ino_t>> seen_;
  size_t repeats_ = 0;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const FileTree>> OpenFolder(const std::string& folder) {
  Walk walk(folder);
  RETURN_IF_ERROR(walk.Enter(""));
  return std::move(walk).Finish();
}

std::shared_ptr<const FileTree> FileTree::OfFolder(const std::string& folder,
                                                   std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return std::make_shared<FolderTree>(folder, std::move(names), std::vector<FileTree::LeftOut>());
}

}  // namespace tributary
