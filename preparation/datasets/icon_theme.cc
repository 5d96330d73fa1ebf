#include "preparation/datasets/icon_theme.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace tributary {
namespace {

constexpr int64_t kScalable = 1 << 20;

// Of a path's folder: 48 for "48", "48x48", "32x32@2x" (64 pixels, but drawn for 32: 0), scalable;
// -1 if it is no size.
int64_t SizeOf(absl::string_view folder) {
  if (folder == "scalable") return kScalable;
  const std::pair<absl::string_view, absl::string_view> sides =
      absl::StrSplit(folder, absl::MaxSplits('x', 1));
  int64_t size;
  if (!absl::SimpleAtoi(sides.first, &size)) return -1;
  return sides.second.empty() || sides.second == sides.first ? size : -1;
}

std::string ContextOf(absl::string_view folder) {
  if (folder == "mimes" || folder == "mimetype") return "mimetypes";
  const auto& contexts = IconContexts();
  const auto found = std::find(contexts.begin(), contexts.end(), folder);
  return found == contexts.end() ? "" : *found;
}

// Smaller is better: enough pixels first, then few of them.
std::tuple<bool, int64_t> Badness(int64_t size, int64_t wanted) {
  return {size < wanted, std::abs(size - wanted)};
}

std::string PackageOf(const std::string& theme) {
  if (theme == "nuoveXT2") return "lxde-icon-theme";
  return absl::StrCat(absl::AsciiStrToLower(theme), "-icon-theme");
}

}  // namespace

const std::vector<std::string>& IconContexts() {
  static const std::vector<std::string> kContexts = {
      "actions", "apps", "categories", "devices", "emblems", "mimetypes", "places", "status"};
  return kContexts;
}

absl::StatusOr<std::vector<IconFile>> FindIcons(const std::string& root, const std::string& theme,
                                                int64_t wanted_size) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(root) / theme;
  std::error_code error;
  fs::recursive_directory_iterator entries(folder, error), end;
  if (error) {
    return absl::NotFoundError(
        absl::StrCat("icon theme ", folder.string(),
                     " is not there; fetch it with deploy/fetch-data.sh or install "
                     "package ",
                     PackageOf(theme)));
  }
  std::map<std::pair<std::string, std::string>, std::pair<int64_t, std::string>> best;
  for (; entries != end; entries.increment(error)) {
    const fs::path& path = entries->path();
    const std::string extension = path.extension().string();
    if (entries->is_symlink(error) || (extension != ".png" && extension != ".svg")) continue;
    int64_t size = -1;
    std::string context;
    // Size and context come in either order, with other folders between ("32x32/legacy/apps").
    for (const fs::path& part : path.parent_path().lexically_relative(folder)) {
      size = std::max(size, SizeOf(part.string()));
      if (context.empty()) context = ContextOf(part.string());
    }
    const std::string name = path.stem().string();
    if (size < 0 || context.empty() || absl::StrContains(name, "symbolic")) continue;
    const auto found = best.try_emplace({context, name}, size, path.string());
    auto& [best_size, best_path] = found.first->second;
    // The path decides between files of one size (.png and .svg): the order of a folder's entries
    // is the file system's own.
    const auto ours = std::tuple(Badness(size, wanted_size), path.string());
    if (ours < std::tuple(Badness(best_size, wanted_size), best_path)) {
      best_size = size;
      best_path = path.string();
    }
  }
  std::vector<IconFile> icons;
  icons.reserve(best.size());
  for (const auto& [key, value] : best) {
    icons.push_back({theme, key.first, key.second, value.second});
  }
  return icons;
}

std::string NameInWords(const std::string& name) {
  std::string words = name;
  for (char& c : words) {
    if (c == '-' || c == '_' || c == '.' || c == '+') c = ' ';
  }
  absl::RemoveExtraAsciiWhitespace(&words);
  return absl::AsciiStrToLower(words);
}

}  // namespace tributary
