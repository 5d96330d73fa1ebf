#include "common/config/value.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace tributary {
namespace {

struct Describe {
  std::string operator()(const FlagRange&) const { return "must be true or false"; }
  std::string operator()(const TextRange&) const { return "must be text in quotes"; }
  std::string operator()(const WholeRange& range) const {
    return absl::StrCat("must be a whole number from ", range.least, " to ", range.most);
  }
  std::string operator()(const NumberRange& range) const {
    return absl::StrCat("must be a number from ", range.least, " to ", range.most);
  }
  std::string operator()(const TimeRange& range) const {
    return absl::StrCat("must be a time in quotes, such as \"90s\" or \"5m\", from ",
                        absl::FormatDuration(range.least), " to ",
                        absl::FormatDuration(range.most));
  }
  std::string operator()(const WordRange& range) const {
    return absl::StrCat("must be one of ", absl::StrJoin(range.words, ", "));
  }
};

// NaN is within no range.
template <typename T, typename Range>
bool Within(const Value& value, const Range& range) {
  const T* held = std::get_if<T>(&value);
  return held != nullptr && *held >= range.least && *held <= range.most;
}

struct Contains {
  const Value& value;

  bool operator()(const FlagRange&) const { return std::holds_alternative<bool>(value); }
  bool operator()(const TextRange&) const { return std::holds_alternative<std::string>(value); }
  bool operator()(const WholeRange& range) const { return Within<int64_t>(value, range); }
  bool operator()(const NumberRange& range) const { return Within<double>(value, range); }
  bool operator()(const TimeRange& range) const { return Within<absl::Duration>(value, range); }
  bool operator()(const WordRange& range) const {
    const std::string* word = std::get_if<std::string>(&value);
    return word != nullptr &&
           std::find(range.words.begin(), range.words.end(), *word) != range.words.end();
  }
};

struct Shown {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(int64_t value) const { return absl::StrCat(value); }
  std::string operator()(double value) const { return absl::StrCat(value); }
  std::string operator()(absl::Duration value) const { return absl::FormatDuration(value); }
  std::string operator()(const std::string& value) const { return absl::StrCat("\"", value, "\""); }
};

}  // namespace

std::string Expected(const ValueRange& range) { return std::visit(Describe{}, range); }

std::string Complaint(const Value& value, const ValueRange& range) {
  if (std::visit(Contains{value}, range)) return "";
  return absl::StrCat("is ", std::visit(Shown{}, value), "; it ", Expected(range));
}

std::string ShortNumber(double number) {
  return absl::StrReplaceAll(absl::StrCat(number), {{"e-0", "e-"}, {"e+0", "e"}, {"e+", "e"}});
}

std::string TomlOf(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return ShortNumber(*number);
  const std::string shown = std::visit(Shown{}, value);
  return std::holds_alternative<absl::Duration>(value) ? absl::StrCat("\"", shown, "\"") : shown;
}

}  // namespace tributary
