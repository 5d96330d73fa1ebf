#include "preparation/datasets/own_tables.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

constexpr size_t kMostListed = 10;

bool IsTable(const std::string& name, const std::vector<std::string>& extensions) {
  return std::any_of(extensions.begin(), extensions.end(), [&](const std::string& extension) {
    return absl::EndsWithIgnoreCase(name, extension);
  });
}

// The only table of `tree`.
absl::StatusOr<LocatedFile> OnlyTable(const LocatedFile& first,
                                      const std::vector<std::string>& extensions) {
  std::vector<std::string> names;
  for (const std::string& name : first.tree->names()) {
    if (IsTable(name, extensions) && names.size() < kMostListed) names.push_back(name);
  }
  if (names.size() == 1) return first;
  return absl::InvalidArgumentError(
      absl::StrCat(first.tree->path(), ": holds several tables (", absl::StrJoin(names, ", "),
                   "); give the path of one, or call them train and test"));
}

std::vector<std::string> Named(const char* stem, const std::vector<std::string>& extensions) {
  std::vector<std::string> names;
  names.reserve(extensions.size());
  for (const std::string& extension : extensions) names.push_back(absl::StrCat(stem, extension));
  return names;
}

}  // namespace

absl::StatusOr<OwnTables> FindOwnTables(const std::string& root, const std::string& scratch,
                                        const std::vector<std::string>& extensions) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (IsTable(root, extensions) && fs::is_regular_file(root, error)) {
    const fs::path path = fs::absolute(root);
    const std::string folder = path.parent_path().string();
    return OwnTables{.train = {FileTree::OfFolder(folder, {path.filename().string()}), 0, ""},
                     .test = std::nullopt,
                     .folder = folder,
                     .files = std::nullopt};
  }
  ASSIGN_OR_RETURN(DatasetFiles files, DatasetFiles::Open(root, scratch));
  absl::StatusOr<LocatedFile> train = files.LocateAny(Named("train", extensions));
  // data.csv is the whole, split by its own column or drawn, whatever lies beside it.
  const bool may_have_test = train.ok();
  if (!train.ok()) train = files.LocateAny(Named("data", extensions));
  if (!train.ok()) {
    ASSIGN_OR_RETURN(train, files.LocateExtension(extensions));
    ASSIGN_OR_RETURN(train, OnlyTable(*train, extensions));
  }
  OwnTables tables = {
      .train = *train, .test = std::nullopt, .folder = root, .files = std::move(files)};
  if (!may_have_test) return tables;
  for (const std::string& name : Named("test", extensions)) {
    const auto test = train->tree->Find(train->prefix + name);
    if (test && !tables.test) tables.test = LocatedFile{train->tree, *test, train->prefix};
  }
  return tables;
}

}  // namespace tributary
