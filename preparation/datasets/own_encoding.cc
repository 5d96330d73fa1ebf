#include "preparation/datasets/own_encoding.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "preparation/files/text_encoding.h"

namespace tributary {
namespace {

constexpr size_t kMostNamed = 20;  // classes in a message

std::string Advice() {
  return absl::StrCat("give --encoding NAME (", kUsualEncoding,
                      " is usual for tables out of spreadsheets), or save the file as UTF-8");
}

}  // namespace

absl::StatusOr<std::string> DecodeTable(std::string bytes, const std::string& encoding,
                                        const std::string& path) {
  if (encoding.empty()) {
    const std::string mark = EncodingByMark(bytes);
    if (mark.empty()) return bytes;
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is in ", mark, " by its first bytes; give --encoding ", mark));
  }
  RETURN_IF_ERROR(CheckEncoding(encoding));
  absl::StatusOr<std::string> text = ToUtf8(bytes, encoding);
  if (text.ok()) return text;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", text.status().message(), " (--encoding ", encoding, ")"));
}

absl::Status EncodingLosses::Report(SampleSet* set) const {
  std::vector<std::string> lost, partly;
  int64_t rows = 0;
  for (const auto& [label, count] : by_label_) {
    rows += count;
    if (label.empty()) continue;
    const auto is_class = [&](absl::string_view name) {
      return std::find(set->classes.begin(), set->classes.end(), name) != set->classes.end();
    };
    // A class called "1" may be written "1.0" (own_labels.h).
    const bool there = is_class(label) || is_class(label.substr(0, label.find(".0")));
    std::vector<std::string>& names = there ? partly : lost;
    if (names.size() < kMostNamed) names.push_back(absl::StrCat(label, " (", count, ")"));
  }
  if (rows == 0) return absl::OkStatus();
  if (!lost.empty() && !set->classes.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        set->origins.empty() ? "" : set->origins[0], ": whole classes would be lost, as their rows",
        " are not UTF-8: ", absl::StrJoin(lost, ", "), "; ", Advice()));
  }
  set->notes.push_back(
      absl::StrCat(rows, rows == 1 ? " row is" : " rows are", " left out for not being UTF-8",
                   partly.empty() ? "" : absl::StrCat(", by class: ", absl::StrJoin(partly, ", ")),
                   "; ", Advice()));
  return absl::OkStatus();
}

}  // namespace tributary
