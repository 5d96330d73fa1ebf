#include "preparation/files/archive_limits.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace tributary {

std::string NameInTree(absl::string_view name) {
  if (name.empty() || absl::StartsWith(name, "/") || absl::EndsWith(name, "/")) return "";
  std::vector<absl::string_view> parts;
  for (const absl::string_view part : absl::StrSplit(name, '/')) {
    if (part == "..") return "";
    if (!part.empty() && part != ".") parts.push_back(part);
  }
  return absl::StrJoin(parts, "/");
}

}  // namespace tributary
