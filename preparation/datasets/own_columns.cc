#include "preparation/datasets/own_columns.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "preparation/files/delimited_text.h"

namespace tributary {
namespace {

struct Role {
  const char* name;
  std::optional<size_t> OwnColumns::*column;
  std::vector<const char*> aliases;
};

const std::vector<Role>& Roles() {
  static const std::vector<Role> kRoles = {
      {"path", &OwnColumns::path, {"path", "image", "image_path", "file", "filename", "file_name"}},
      {"text", &OwnColumns::text, {"text", "caption", "captions", "description", "title"}},
      {"label", &OwnColumns::label, {"label", "class", "category"}},
      {"owner", &OwnColumns::owner, {"owner", "site", "client", "source"}},
      {"split", &OwnColumns::split, {"split", "set", "fold"}}};
  return kRoles;
}

absl::Status CheckRoles(const std::map<std::string, std::string>& wanted) {
  for (const auto& [role, column] : wanted) {
    const auto known = [&role = role](const Role& one) { return one.name == role; };
    if (std::any_of(Roles().begin(), Roles().end(), known)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "column ", role, "=", column, ": expected one of path, text, label, owner, split"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<OwnColumns> ChooseColumns(const std::vector<std::string>& columns,
                                         const std::map<std::string, std::string>& wanted) {
  RETURN_IF_ERROR(CheckRoles(wanted));
  OwnColumns chosen;
  for (const Role& role : Roles()) {
    const auto asked = wanted.find(role.name);
    if (asked != wanted.end()) {
      if (asked->second.empty()) continue;  // "text=": the role is left aside
      ASSIGN_OR_RETURN(chosen.*role.column, FindColumn(columns, asked->second));
      continue;
    }
    for (const char* const alias : role.aliases) {
      const absl::StatusOr<size_t> found = FindColumn(columns, alias);
      if (!found.ok()) continue;
      chosen.*role.column = *found;
      break;
    }
  }
  // Text before label: with all three it is a table of pairs.
  if (chosen.path && chosen.text) {
    chosen.modality = Modality::kPair;
  } else if (chosen.path && chosen.label) {
    chosen.modality = Modality::kImage;
  } else if (chosen.text && chosen.label) {
    chosen.modality = Modality::kText;
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("needs two of the columns path, text and label; its columns are ",
                     absl::StrJoin(columns, ", "), "; say which is which, as in text=COLUMN"));
  }
  return chosen;
}

std::vector<std::string> SortedClasses(std::vector<std::string> labels) {
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  std::vector<std::pair<double, std::string>> numbers;
  for (const std::string& label : labels) {
    double number;
    // "nan" is a word: it has no place among numbers.
    if (!absl::SimpleAtod(label, &number) || number != number) return labels;
    numbers.emplace_back(number, label);
  }
  std::sort(numbers.begin(), numbers.end());
  for (size_t i = 0; i < numbers.size(); ++i) labels[i] = std::move(numbers[i].second);
  return labels;
}

}  // namespace tributary
