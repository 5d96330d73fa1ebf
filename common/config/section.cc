#include "common/config/section.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tributary {
namespace {

// toml++ takes std::string_view; absl::string_view is another type in Debian's Abseil.
std::string_view Standard(absl::string_view text) { return {text.data(), text.size()}; }

// Levenshtein's distance: single-letter insertions, deletions and replacements.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

// The value of `node` in the type that `range` asks for; nothing if it is of another type.
std::optional<Value> ValueOf(const toml::node& node, const ValueRange& range) {
  if (std::holds_alternative<FlagRange>(range)) {
    return node.is_boolean() ? std::optional<Value>(node.as_boolean()->get()) : std::nullopt;
  }
  if (std::holds_alternative<WholeRange>(range)) {
    return node.is_integer() ? std::optional<Value>(node.as_integer()->get()) : std::nullopt;
  }
  if (std::holds_alternative<NumberRange>(range)) {
    return node.is_number() ? std::optional<Value>(node.value<double>().value()) : std::nullopt;
  }
  if (!node.is_string()) return std::nullopt;
  const std::string& text = node.as_string()->get();
  if (!std::holds_alternative<TimeRange>(range)) return Value(text);
  absl::Duration time;
  return absl::ParseDuration(text, &time) ? std::optional<Value>(time) : std::nullopt;
}

}  // namespace

absl::StatusOr<toml::table> ParseToml(absl::string_view text, const std::string& origin) {
  try {
    return toml::parse(std::string(text), origin);
  } catch (const toml::parse_error& error) {
    return absl::InvalidArgumentError(absl::StrCat(
        origin, ":", error.source().begin.line, ": not TOML: ", std::string(error.description())));
  }
}

void ConfigProblems::Report(const toml::node* node, const std::string& message) {
  if (!status_.ok()) return;
  const uint32_t line = node == nullptr ? 0 : node->source().begin.line;
  status_ = absl::InvalidArgumentError(line == 0 ? absl::StrCat(origin_, ": ", message)
                                                 : absl::StrCat(origin_, ":", line, ": ", message));
}

Section::Section(const toml::table* table, std::string path, ConfigProblems* problems)
    : table_(table), path_(std::move(path)), problems_(problems) {}

bool Section::Has(absl::string_view key) const {
  return table_ != nullptr && table_->contains(Standard(key));
}

std::string Section::Path(absl::string_view key) const {
  return path_.empty() ? std::string(key) : absl::StrCat(path_, ".", key);
}

const toml::node* Section::Get(absl::string_view key) {
  known_.emplace_back(key);
  return table_ == nullptr ? nullptr : table_->get(Standard(key));
}

void Section::Problem(absl::string_view key, absl::string_view what) {
  const toml::node* node = table_ == nullptr ? nullptr : table_->get(Standard(key));
  problems_->Report(node == nullptr ? table_ : node, absl::StrCat("key `", Path(key), "` ", what));
}

std::optional<Value> Section::Take(absl::string_view key, const ValueRange& range) {
  const toml::node* node = Get(key);
  if (node == nullptr) return std::nullopt;
  const std::optional<Value> value = ValueOf(*node, range);
  const std::string complaint = value.has_value() ? Complaint(*value, range) : Expected(range);
  if (complaint.empty()) return value;
  Problem(key, complaint);
  return std::nullopt;
}

void Section::Text(absl::string_view key, std::string* field) {
  if (const auto value = Take(key, TextRange{})) *field = std::get<std::string>(*value);
}

void Section::Whole(absl::string_view key, int* field, int least, int most) {
  if (const auto value = Take(key, WholeRange{least, most})) {
    *field = static_cast<int>(std::get<int64_t>(*value));
  }
}

void Section::Texts(absl::string_view key, std::vector<std::string>* field) {
  const toml::node* node = Get(key);
  if (node == nullptr) return;
  const std::string expected = "must be a list of texts in quotes";
  if (!node->is_array()) return Problem(key, expected);
  field->clear();
  for (const toml::node& element : *node->as_array()) {
    if (!element.is_string()) return Problem(key, expected);
    field->push_back(element.as_string()->get());
  }
}

void Section::Wholes(absl::string_view key, std::vector<int64_t>* field, int64_t least,
                     int64_t most) {
  const toml::node* node = Get(key);
  if (node == nullptr) return;
  const std::string expected =
      absl::StrCat("must be a list of whole numbers from ", least, " to ", most);
  if (!node->is_array()) return Problem(key, expected);
  field->clear();
  for (const toml::node& element : *node->as_array()) {
    if (!element.is_integer() || element.as_integer()->get() < least ||
        element.as_integer()->get() > most) {
      return Problem(key, expected);
    }
    field->push_back(element.as_integer()->get());
  }
}

Section Section::Sub(absl::string_view key) {
  const toml::node* node = Get(key);
  if (node != nullptr && !node->is_table()) Problem(key, "must be a table");
  return Section(node == nullptr ? nullptr : node->as_table(), Path(key), problems_);
}

std::vector<Section> Section::Each(absl::string_view key) {
  const toml::node* node = Get(key);
  std::vector<Section> sections;
  if (node == nullptr) return sections;
  const toml::array* array = node->as_array();
  if (array == nullptr || !array->is_homogeneous(toml::node_type::table)) {
    Problem(key, absl::StrCat("must be a list of tables, written [[", Path(key), "]]"));
    return sections;
  }
  for (const toml::node& element : *array) {
    sections.emplace_back(element.as_table(), absl::StrCat(Path(key), "[", sections.size(), "]"),
                          problems_);
  }
  return sections;
}

void Section::Finish() {
  if (table_ == nullptr) return;
  for (const auto& [key, node] : *table_) {
    const std::string name(key.str());
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    const std::string nearest = Nearest(name, known_);
    std::string message = absl::StrCat("unknown key `", Path(name), "`");
    if (!nearest.empty()) {
      absl::StrAppend(&message, "; did you mean `", Path(nearest), "`?");
    } else {
      absl::StrAppend(&message, "; known here: ", absl::StrJoin(known_, ", "));
    }
    problems_->Report(&node, message);
  }
}

std::string Nearest(absl::string_view word, absl::Span<const std::string> words) {
  std::string nearest;
  size_t fewest = word.size() / 3 + 2;
  for (const std::string& candidate : words) {
    const size_t distance = EditDistance(word, candidate);
    if (distance < fewest) {
      fewest = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace tributary
