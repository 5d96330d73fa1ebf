#include "preparation/datasets/own_rows.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "preparation/files/json_lines.h"

namespace tributary {
namespace {

using nlohmann::json;

class DelimitedRows : public OwnRows {
 public:
  DelimitedRows(std::unique_ptr<DelimitedText> reader, std::vector<std::string> columns)
      : OwnRows(std::move(columns)), reader_(std::move(reader)) {}
  bool Next(DelimitedRecord* row) override { return reader_->Next(row); }

 private:
  const std::unique_ptr<DelimitedText> reader_;
};

absl::StatusOr<std::unique_ptr<OwnRows>> OpenDelimited(absl::string_view text,
                                                       const std::string& path) {
  // Spreadsheets write semicolons where the comma is the decimal sign, whatever the file is called.
  auto reader =
      std::make_unique<DelimitedText>(text, DelimitedFormat{.delimiter = GuessDelimiter(text)});
  DelimitedRecord header;
  if (!reader->Next(&header)) return absl::InvalidArgumentError(absl::StrCat(path, ": is empty"));
  if (!header.broken.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ", line ", header.line, ", the names of the columns: ", header.broken));
  }
  for (std::string& name : header.fields) absl::StripAsciiWhitespace(&name);
  return std::make_unique<DelimitedRows>(std::move(reader), std::move(header.fields));
}

class JsonRows : public OwnRows {
 public:
  JsonRows(absl::string_view text, std::vector<std::string> columns)
      : OwnRows(std::move(columns)), reader_(text) {}

  bool Next(DelimitedRecord* row) override {
    JsonLine line;
    if (!reader_.Next(&line)) return false;
    *row = {.line = line.line};
    row->broken = std::move(line.broken);
    for (size_t i = 0; i < columns().size() && row->broken.empty(); ++i) {
      AddField(line.object, columns()[i], row);
    }
    return true;
  }

 private:
  static void AddField(const json& object, const std::string& key, DelimitedRecord* row) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) {
      row->fields.emplace_back();
    } else if (found->is_string()) {
      row->fields.push_back(found->get<std::string>());
    } else if (found->is_primitive()) {  // 3, 2.5, true: as they are written
      row->fields.push_back(found->dump());
    } else {
      row->broken =
          absl::StrCat("\"", key, "\" is an ", found->type_name(), "; expected a text or a number");
    }
  }

  JsonLines reader_;
};

absl::StatusOr<std::unique_ptr<OwnRows>> OpenJson(absl::string_view text, const std::string& path) {
  // Reads up to the first whole object for its keys; JsonRows begins again at the first line.
  JsonLines reader(text);
  std::string reason = "is empty";
  for (JsonLine line; reader.Next(&line);) {
    if (line.broken.empty()) {
      std::vector<std::string> columns;
      for (const auto& [key, value] : line.object.items()) columns.push_back(key);
      return std::make_unique<JsonRows>(text, std::move(columns));
    }
    if (reason == "is empty") reason = absl::StrCat("line ", line.line, ": ", line.broken);
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
