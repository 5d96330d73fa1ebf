#include "client/daemon/run_files.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/hash.h"

namespace tributary {
namespace {

namespace fs = std::filesystem;

constexpr size_t kHashCharacters = 16;

bool IsNamedLikeARuns(absl::string_view name) {
  if (name.size() <= kHashCharacters || name[kHashCharacters] != '-') return false;
  const absl::string_view hash = name.substr(0, kHashCharacters);
  return std::all_of(hash.begin(), hash.end(),
                     [](char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); });
}

}  // namespace

std::string RunFilePrefix(const std::string& run_id) {
  return absl::StrCat(Sha256Hex(run_id).substr(0, kHashCharacters), "-");
}

void DeleteFilesOfOtherRuns(const std::string& folder, absl::Span<const std::string> runs) {
  std::set<std::string> kept;
  for (const std::string& run : runs) kept.insert(RunFilePrefix(run));
  // Listed first: what a directory iterator sees while entries are deleted is not defined.
  std::vector<fs::path> others;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!IsNamedLikeARuns(name)) continue;
    if (kept.count(name.substr(0, kHashCharacters + 1)) == 0) others.push_back(entry->path());
  }
  for (const fs::path& other : others) fs::remove(other, error);
}

}  // namespace tributary
