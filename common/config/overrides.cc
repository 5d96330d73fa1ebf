#include "common/config/overrides.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tributary {
namespace {

// `value` under the key `v`: TOML where it parses as such, else text.
toml::table ParseValue(const std::string& value) {
  try {
    return toml::parse(absl::StrCat("v = ", value));
  } catch (const toml::parse_error&) {
    toml::table table;
    table.insert_or_assign("v", value);
    return table;
  }
}

}  // namespace

absl::Status ApplyOverride(const std::string& text, toml::table* root) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  std::vector<std::string> path = absl::StrSplit(parts.first, '.');
  if (text.find('=') == std::string::npos || parts.first.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--set ", text, ": expected key=value, such as --set method=fedavg"));
  }
  toml::table* table = root;
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    if (!table->contains(path[i])) table->insert(path[i], toml::table{});
    table = table->get(path[i])->as_table();
    if (table == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("--set ", text, ": `", path[i], "` is not a table that holds keys"));
    }
  }
  const toml::table value = ParseValue(parts.second);
  value.get("v")->visit([&](const auto& node) { table->insert_or_assign(path.back(), node); });
  return absl::OkStatus();
}

}  // namespace tributary
