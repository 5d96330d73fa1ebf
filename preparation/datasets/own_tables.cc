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

// Where a table of training samples may lie, the first that is there counts, and where the table of
// test samples is then looked for. "metadata" in folders of their own is how Hugging Face's
// ImageFolder ships captions and labels.
struct Layout {
  const char* train;
  std::vector<const char*> tests;
};

const std::vector<Layout>& Layouts() {
  static const std::vector<Layout> kLayouts = {
      {"train", {"test"}},
      {"train/metadata",
       {"test/metadata", "validation/metadata", "valid/metadata", "val/metadata"}},
      // The whole, split by its own column or drawn, whatever lies beside it.
      {"data", {}},
      {"metadata", {}}};
  return kLayouts;
}

struct OtherTable {
  const char* extension;
  const char* name;
  const char* conversion;  // to NAME.csv, by pandas
};
constexpr OtherTable kOtherTables[] = {
    {".parquet", "Parquet", "pandas.read_parquet('NAME.parquet')"},
    {".arrow", "Arrow", "pandas.read_feather('NAME.arrow')"},
    {".feather", "Feather", "pandas.read_feather('NAME.feather')"},
    {".xlsx", "an Excel workbook", "pandas.read_excel('NAME.xlsx')"},
    {".xls", "an Excel workbook", "pandas.read_excel('NAME.xls')"},
    {".ods", "a spreadsheet", "pandas.read_excel('NAME.ods')"}};

// InvalidArgument for a file that is a table of a kind that is not read, with what to do.
absl::Status RefuseOtherTables(const std::string& path) {
  for (const OtherTable& other : kOtherTables) {
    if (!absl::EndsWithIgnoreCase(path, other.extension)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": ", other.name, " is not read; write it as .csv or .jsonl, as by python3 -c \"",
        "import pandas; ", other.conversion, ".to_csv('NAME.csv', index=False)\"",
        " (images within it: as files of their own, named by a column)"));
  }
  return absl::OkStatus();
}

absl::Status RefuseOtherTablesIn(DatasetFiles* files) {
  for (const OtherTable& other : kOtherTables) {
    const auto found = files->LocateExtension({other.extension});
    if (found.ok()) RETURN_IF_ERROR(RefuseOtherTables(found->tree->Describe(found->file)));
  }
  return absl::OkStatus();
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
  RETURN_IF_ERROR(RefuseOtherTables(root));
  ASSIGN_OR_RETURN(DatasetFiles files, DatasetFiles::Open(root, scratch));
  for (const Layout& layout : Layouts()) {
    const absl::StatusOr<LocatedFile> train = files.LocateAny(Named(layout.train, extensions));
    if (!train.ok()) continue;
    OwnTables tables = {
        .train = *train, .test = std::nullopt, .folder = root, .files = std::move(files)};
    for (const char* stem : layout.tests) {
      for (const std::string& name : Named(stem, extensions)) {
        const auto test = train->tree->Find(train->prefix + name);
        if (test && !tables.test) tables.test = LocatedFile{train->tree, *test, train->prefix};
      }
    }
    return tables;
  }
  absl::StatusOr<LocatedFile> only = files.LocateExtension(extensions);
  if (!only.ok()) RETURN_IF_ERROR(RefuseOtherTablesIn(&files));
  RETURN_IF_ERROR(only.status());
  ASSIGN_OR_RETURN(only, OnlyTable(*only, extensions));
  return OwnTables{.train = *only, .test = std::nullopt, .folder = root, .files = std::move(files)};
}

}  // namespace tributary
