#include "preparation/datasets/own_rows.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "preparation/files/json_lines.h"
#include "preparation/files/text_encoding.h"

namespace tributary {
namespace {

using nlohmann::json;

constexpr size_t kMostKeys = 10'000;  // of all objects; more are data, not names
constexpr char kGiveEncoding[] = "; if the file is in another encoding, say which (--encoding)";

class DelimitedRows : public OwnRows {
 public:
  DelimitedRows(std::unique_ptr<DelimitedText> reader, std::vector<std::string> columns)
      : OwnRows(std::move(columns)), reader_(std::move(reader)) {}
  bool Next(OwnRow* row) override {
    row->lists.clear();
    row->unusable.clear();
    if (!reader_->Next(row)) return false;
    if (!row->undecodable) return true;
    for (std::string& field : row->fields) field = AsUsualText(field);
    return true;
  }

 private:
  const std::unique_ptr<DelimitedText> reader_;
};

absl::StatusOr<std::unique_ptr<OwnRows>> OpenDelimited(absl::string_view text,
                                                       const std::string& path) {
  // Spreadsheets write semicolons where the comma is the decimal sign, whatever the file is called.
  auto reader = std::make_unique<DelimitedText>(
      text, DelimitedFormat{.delimiter = GuessDelimiter(text), .spaces_around_quotes = true});
  DelimitedRecord header;
  if (!reader->Next(&header)) return absl::InvalidArgumentError(absl::StrCat(path, ": is empty"));
  if (!header.broken.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ", line ", header.line, ", the names of the columns: ", header.broken,
                     absl::StartsWith(header.broken, "broken UTF-8") ? kGiveEncoding : ""));
  }
  for (std::string& name : header.fields) absl::StripAsciiWhitespace(&name);
  return std::make_unique<DelimitedRows>(std::move(reader), std::move(header.fields));
}

class JsonRows : public OwnRows {
 public:
  JsonRows(absl::string_view text, std::vector<std::string> columns)
      : OwnRows(std::move(columns)), reader_(text) {}

  bool Next(OwnRow* row) override {
    JsonLine line;
    if (!reader_.Next(&line)) return false;
    *row = OwnRow();
    row->line = line.line;
    row->broken = std::move(line.broken);
    row->undecodable = line.undecodable;
    if (!row->broken.empty() && !row->undecodable) return true;
    for (size_t i = 0; i < columns().size(); ++i) AddField(line.object, columns()[i], row);
    return true;
  }

 private:
  static void AddField(const json& object, const std::string& key, OwnRow* row) {
    const auto found = object.find(key);
    const size_t column = row->fields.size();
    if (found == object.end() || found->is_null()) {
      row->fields.emplace_back();
    } else if (found->is_string()) {
      row->fields.push_back(found->get<std::string>());
    } else if (found->is_primitive()) {  // 3, 2.5, true: as they are written
      row->fields.push_back(found->dump());
    } else {
      row->fields.push_back(found->dump(-1, ' ', false, json::error_handler_t::replace));
      const auto is_text = [](const json& one) { return one.is_string(); };
      if (found->is_array() && std::all_of(found->begin(), found->end(), is_text)) {
        row->lists[column] = found->get<std::vector<std::string>>();
      } else {
        row->unusable[column] = absl::StrCat("\"", key, "\" is an ", found->type_name(),
                                             "; expected a text or a number");
      }
    }
  }

  JsonLines reader_;
};

absl::StatusOr<std::unique_ptr<OwnRows>> OpenJson(absl::string_view text, const std::string& path) {
  // All objects are read for their keys, and then again for their values: a key that the first
  // ones lack (a split, say) is a column all the same.
  JsonLines reader(text);
  std::set<std::string> keys;
  std::string reason = "is empty";
  bool any = false;
  for (JsonLine line; reader.Next(&line);) {
    if (!line.broken.empty() && reason == "is empty") {
      reason = absl::StrCat("line ", line.line, ": ", line.broken,
                            line.undecodable ? kGiveEncoding : "");
    }
    if (!line.broken.empty()) continue;
    any = true;
    for (const auto& [key, value] : line.object.items()) keys.insert(key);
    if (keys.size() <= kMostKeys) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(path, ", line ", line.line, ": over ", kMostKeys,
                     " different keys; is each line an object with the same names?"));
  }
  if (any) {
    return std::make_unique<JsonRows>(text, std::vector<std::string>(keys.begin(), keys.end()));
  }
  return absl::InvalidArgumentError(absl::StrCat(path, ": no line holds an object: ", reason));
}

}  // namespace

absl::StatusOr<std::unique_ptr<OwnRows>> OwnRows::Open(absl::string_view text,
                                                       const std::string& path) {
  const bool lines_of_json =
      absl::EndsWithIgnoreCase(path, ".jsonl") || absl::EndsWithIgnoreCase(path, ".ndjson");
  return lines_of_json ? OpenJson(text, path) : OpenDelimited(text, path);
}

}  // namespace tributary
