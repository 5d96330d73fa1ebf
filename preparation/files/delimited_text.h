// Comma-separated values (RFC 4180) and their relatives, record by record, with line numbers.
//
// A field may stand in double quotes and then hold delimiters, doubled quotes and line ends. Lines
// end with LF, CRLF or CR; empty ones, and a byte order mark, are passed over. Spaces belong to
// their field.
//
// A broken record (a quote where none may stand, one that is never closed, another number of fields
// than the first record's, too long) is reported with the line where it begins, and reading goes on
// with the NEXT LINE: a stray quote costs its own line and not the rest of the file. Broken UTF-8
// costs its record. Time is linear however broken the text is; each byte is parsed three times at
// most. For a line that was taken in by an unclosed quote has an even number of quotes, so that it
// opens none when it is parsed again as a record of its own.
//
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

struct DelimitedFormat {
  char delimiter = ',';
  bool quotes = true;           // false: a quote is a character like any other
  size_t fields = 0;            // of each record; 0: as many as the first whole one has
  size_t most_bytes = 1 << 20;  // of a record
  // A field may have spaces around its quotes (a, "b, c"), as in tables that people type. Only a
  // record that cannot be read without is read so.
  bool spaces_around_quotes = false;
};

struct DelimitedRecord {
  int64_t line = 0;  // where it begins, from 1
  std::vector<std::string> fields{};
  std::string broken{};      // why it cannot be read; empty if it can
  bool undecodable = false;  // broken by nothing but bytes that are not UTF-8: fields are there
};

class DelimitedText {
 public:
  // `text` must outlive this.
  DelimitedText(absl::string_view text, DelimitedFormat format);
  ~DelimitedText();
  DelimitedText(const DelimitedText&) = delete;
  DelimitedText& operator=(const DelimitedText&) = delete;

  // The next record, whole or broken; false at the end.
  bool Next(DelimitedRecord* record);

 private:
  class Parser;

  // The line that begins at `begin`, with its end.
  absl::string_view LineAt(size_t begin) const;
  // Reads the record that begins at next_: its fields, and where it ends. Leaves next_.
  void ReadRecord(Parser* parser, DelimitedRecord* record, size_t* end, int64_t* lines);
  // Whether the line at next_ has a quote that only spaces part from the delimiter before it.
  bool HasSpacedQuote() const;
  // Why a record that could be taken apart is no use all the same; empty if it is.
  std::string CheckRecord(absl::string_view bytes, const std::vector<std::string>& fields);

  const absl::string_view text_;
  DelimitedFormat format_;
  std::unique_ptr<Parser> parser_, spaced_parser_;
  size_t next_ = 0;
  int64_t line_ = 1;
};

// Which of , ; | and tab stands most often in the first line, outside quotes; a comma if none does.
char GuessDelimiter(absl::string_view text);

// Where `name` stands in `header`; upper and lower case do not matter where no column is spelt just
// so. InvalidArgument lists the columns there are.
absl::StatusOr<size_t> FindColumn(const std::vector<std::string>& header, absl::string_view name);

}  // namespace tributary
