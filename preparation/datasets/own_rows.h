// The rows of your own table, which may be comma-separated values or JSON Lines.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "preparation/files/delimited_text.h"

namespace tributary {

// A row, with a field for each column. A list of texts (captions of one image, in JSON) stands in
// `lists` by its column, an object or another list in `unusable`, with the reason; `fields` has
// both as JSON. `undecodable` and its fields as in DelimitedRecord: the fields are then for
// messages only.
struct OwnRow : DelimitedRecord {
  std::map<size_t, std::vector<std::string>> lists{};
  std::map<size_t, std::string> unusable{};
};

// Not thread-safe.
class OwnRows {
 public:
  virtual ~OwnRows() = default;

  // JSON Lines if `path` ends in .jsonl or .ndjson, else values delimited by what the first line
  // says. `text`, the file's content, must outlive this. InvalidArgument, naming `path`, if there
  // is no header, no object, or no end of different keys.
  static absl::StatusOr<std::unique_ptr<OwnRows>> Open(absl::string_view text,
                                                       const std::string& path);

  // Of the header, or the keys of all objects together, sorted; what an object lacks is empty.
  const std::vector<std::string>& columns() const { return columns_; }
  // The next row, with a field for each column, or broken; false at the end.
  virtual bool Next(OwnRow* row) = 0;

 protected:
  explicit OwnRows(std::vector<std::string> columns) : columns_(std::move(columns)) {}

 private:
  const std::vector<std::string> columns_;
};

}  // namespace tributary
