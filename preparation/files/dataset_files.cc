// Finding a dataset's parts in folders and archives: DatasetFiles of file_tree.h.

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "preparation/files/archive_magic.h"
#include "preparation/files/file_tree.h"
#include "preparation/files/folder_tree.h"

namespace tributary {
namespace {

constexpr int64_t kMostFoldersBefore = 2;

int64_t Folders(absl::string_view prefix) { return std::count(prefix.begin(), prefix.end(), '/'); }

// What macOS adds to its zips: a shadow of each file under the file's own name.
bool IsShadow(absl::string_view name) { return absl::StartsWith(name, "__MACOSX/"); }

// Keeps the match with the fewest folders before it; of several, the first by name.
void KeepShallower(const std::shared_ptr<const FileTree>& tree, size_t file,
                   absl::string_view prefix, absl::string_view folders_before,
                   std::optional<LocatedFile>* best, int64_t* least) {
  const int64_t folders = Folders(folders_before);
  if (folders > kMostFoldersBefore || folders >= *least) return;
  *least = folders;
  *best = LocatedFile{.tree = tree, .file = file, .prefix = std::string(prefix)};
}

std::optional<LocatedFile> FindName(const std::shared_ptr<const FileTree>& tree,
                                    absl::string_view name) {
  if (const auto file = tree->Find(name)) return LocatedFile{tree, *file, ""};
  std::optional<LocatedFile> best;
  int64_t least = kMostFoldersBefore + 1;
  const std::string ending = absl::StrCat("/", name);
  for (size_t i = 0; i < tree->names().size(); ++i) {
    const absl::string_view full = tree->names()[i];
    if (!absl::EndsWith(full, ending) || IsShadow(full)) continue;
    const absl::string_view prefix = full.substr(0, full.size() - name.size());
    KeepShallower(tree, i, prefix, prefix, &best, &least);
  }
  return best;
}

std::optional<LocatedFile> FindFolder(const std::shared_ptr<const FileTree>& tree,
                                      absl::string_view folder) {
  // At the top of the tree there is no '/' in front of the folder's name.
  const std::string first = absl::StrCat(folder, "/"), inner = absl::StrCat("/", folder, "/");
  std::optional<LocatedFile> best;
  int64_t least = kMostFoldersBefore + 1;
  for (size_t i = 0; i < tree->names().size() && least > 0; ++i) {
    const absl::string_view full = tree->names()[i];
    if (IsShadow(full)) continue;
    const size_t at = full.find(inner);
    if (absl::StartsWith(full, first)) {
      KeepShallower(tree, i, first, "", &best, &least);
    } else if (at != absl::string_view::npos) {
      KeepShallower(tree, i, full.substr(0, at + inner.size()), full.substr(0, at + 1), &best,
                    &least);
    }
  }
  return best;
}

// Runs of letters and of digits: "train2014.zip" -> "train", "2014", "zip".
std::set<std::string> Words(absl::string_view text) {
  std::set<std::string> words;
  std::string word;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  for (const char c : absl::StrCat(absl::AsciiStrToLower(text), "/")) {  // '/' ends the last word
    const bool belongs = is_digit(c) || is_letter(c);
    const bool goes_on = belongs && (word.empty() || is_digit(c) == is_digit(word.back()));
    if (!goes_on && !word.empty()) words.insert(std::exchange(word, ""));
    if (belongs) word += c;
  }
  return words;
}

// How many words an archive's name has in common with what is looked for.
int64_t Resemblance(const std::string& path, const std::vector<std::string>& wanted) {
  const std::set<std::string> words = Words(std::filesystem::path(path).filename().string());
  int64_t most = 0;
  for (const std::string& name : wanted) {
    int64_t common = 0;
    for (const std::string& word : Words(name)) common += words.contains(word) ? 1 : 0;
    most = std::max(most, common);
  }
  return most;
}

// Archives directly in `folder`, by name.
absl::StatusOr<std::vector<std::string>> ListArchives(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> paths;
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  for (const fs::directory_iterator end; !error && entries != end; entries.increment(error)) {
    std::error_code ignored;  // a broken link is no archive
    if (!entries->is_regular_file(ignored)) continue;
    const std::string path = entries->path().string();
    const auto kind = KindOfFile(path);
    const bool old_tar = absl::EndsWith(path, ".tar");
    if (old_tar || (kind.ok() && *kind != ArchiveKind::kNone)) paths.push_back(path);
  }
  if (error) return absl::InternalError(absl::StrCat(folder, ": ", error.message()));
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

absl::StatusOr<DatasetFiles> DatasetFiles::Open(const std::string& root,
                                                const std::string& scratch) {
  DatasetFiles files(root, scratch);
  ASSIGN_OR_RETURN(std::shared_ptr<const FileTree> tree, FileTree::Open(root, scratch));
  std::error_code error;
  if (!std::filesystem::is_directory(root, error)) {
    files.archives_.push_back({.path = root, .tree = std::move(tree)});
    return files;
  }
  files.folder_ = std::move(tree);
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, ListArchives(root));
  for (const std::string& path : paths) files.archives_.push_back({.path = path});
  return files;
}

absl::StatusOr<LocatedFile> DatasetFiles::Locate(absl::string_view name) {
  return LocateAny({std::string(name)});
}

absl::StatusOr<LocatedFile> DatasetFiles::LocateAny(const std::vector<std::string>& names) {
  return Search(names, [&](const auto& tree) {
    std::optional<LocatedFile> found;
    for (size_t i = 0; i < names.size() && !found; ++i) found = FindName(tree, names[i]);
    return found;
  });
}

absl::StatusOr<LocatedFile> DatasetFiles::LocateFolder(absl::string_view folder) {
  return Search({absl::StrCat(folder, "/")},
                [&](const auto& tree) { return FindFolder(tree, folder); });
}

absl::StatusOr<LocatedFile> DatasetFiles::LocateExtension(
    const std::vector<std::string>& extensions) {
  std::vector<std::string> wanted;
  wanted.reserve(extensions.size());
  for (const std::string& extension : extensions) wanted.push_back(absl::StrCat("*", extension));
  return Search(wanted, [&](const auto& tree) -> std::optional<LocatedFile> {
    for (size_t i = 0; i < tree->names().size(); ++i) {
      if (IsShadow(tree->names()[i])) continue;
      for (const std::string& extension : extensions) {
        if (absl::EndsWithIgnoreCase(tree->names()[i], extension)) return LocatedFile{tree, i, ""};
      }
    }
    return std::nullopt;
  });
}

absl::StatusOr<LocatedFile> DatasetFiles::Search(const std::vector<std::string>& wanted,
                                                 const Find& find) {
  if (folder_ != nullptr) {
    if (const auto found = find(folder_)) return *found;
  }
  // To open a tar is to unpack all of it, which for an archive of images may take many minutes and
  // its size on the disk. So the likeliest comes first; of equally likely ones the first by name.
  std::vector<std::pair<int64_t, size_t>> order;
  for (size_t i = 0; i < archives_.size(); ++i) {
    order.emplace_back(-Resemblance(archives_[i].path, wanted), i);
  }
  std::sort(order.begin(), order.end());
  for (const auto& [resemblance, i] : order) {
    Archive& archive = archives_[i];
    if (archive.tree == nullptr && archive.status.ok()) {
      // An archive that cannot be opened may be of no interest: its error is kept, and told only
      // if no other place has what is looked for.
      auto tree = FileTree::Open(archive.path, scratch_);
      archive.status = tree.status();
      if (tree.ok()) archive.tree = *std::move(tree);
    }
    if (archive.tree == nullptr) continue;
    if (const auto found = find(archive.tree)) return *found;
  }
  return NotFound(wanted);
}

absl::Status DatasetFiles::NotFound(const std::vector<std::string>& wanted) const {
  std::string message =
      absl::StrCat(root_, ": holds no ", absl::StrJoin(wanted, ", no "),
                   ", neither in itself nor up to ", kMostFoldersBefore, " folders further in");
  absl::StatusCode code = absl::StatusCode::kNotFound;
  std::vector<std::string> opened, broken;
  for (const Archive& archive : archives_) {
    if (archive.status.ok()) {
      opened.push_back(std::filesystem::path(archive.path).filename().string());
    } else if (!absl::IsInvalidArgument(archive.status)) {
      // InvalidArgument: a packed file that is no archive (labels.gz), and so none of those meant.
      if (broken.empty()) code = archive.status.code();
      broken.push_back(std::string(archive.status.message()));
    }
  }
  if (!opened.empty()) absl::StrAppend(&message, ", nor in ", absl::StrJoin(opened, ", "));
  for (const std::string& one : broken) absl::StrAppend(&message, "; ", one);
  return {code, message};
}

}  // namespace tributary
