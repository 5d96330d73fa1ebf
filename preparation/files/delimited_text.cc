#include "preparation/files/delimited_text.h"

#include <algorithm>
#include <array>
#include <utility>

#include <csv.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "preparation/files/utf8.h"

namespace tributary {
namespace {

constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";
// libcsv always has a quote; where there is to be none, a byte that UTF-8 does not have.
constexpr unsigned char kNoQuote = 0xFF;

bool IsEmptyLine(absl::string_view line) {
  return line.find_first_not_of("\r\n") == absl::string_view::npos;
}

}  // namespace

// libcsv, fed line by line: it then completes one record at most with each.
class DelimitedText::Parser {
 public:
  Parser(const DelimitedFormat& format, bool spaces) : format_(format), spaces_(spaces) { Start(); }
  ~Parser() { csv_free(&parser_); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  // Forgets what it was in the middle of. Fields go to `fields`.
  void Begin(std::vector<std::string>* fields) {
    fields_ = fields;
    complete_ = false;
  }
  // False if a quote is not where it may be; the parser starts anew then.
  bool Feed(absl::string_view line, bool last) {
    // A strict parser stops at the byte that it does not accept. The last line may lack its end:
    // csv_fini() completes the record then, and refuses one whose quote is still open.
    const size_t used = csv_parse(&parser_, line.data(), line.size(), OnField, OnRecord, this);
    if (used == line.size() &&
        (!last || complete_ || csv_fini(&parser_, OnField, OnRecord, this) == 0)) {
      return true;
    }
    Restart();
    return false;
  }
  void Restart() {
    csv_free(&parser_);
    Start();
  }
  bool complete() const { return complete_; }

 private:
  void Start() {
    csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_delim(&parser_, static_cast<unsigned char>(format_.delimiter));
    csv_set_quote(&parser_, format_.quotes ? CSV_QUOTE : kNoQuote);
    // libcsv would take spaces off the ends of a field; RFC 4180 counts them to it.
    if (!spaces_) csv_set_space_func(&parser_, [](unsigned char) { return 0; });
  }
  static void OnField(void* bytes, size_t size, void* self) {
    static_cast<Parser*>(self)->fields_->emplace_back(static_cast<const char*>(bytes), size);
  }
  static void OnRecord(int /*terminator*/, void* self) {
    static_cast<Parser*>(self)->complete_ = true;
  }

  const DelimitedFormat format_;
  const bool spaces_;
  csv_parser parser_;
  std::vector<std::string>* fields_ = nullptr;
  bool complete_ = false;
};

DelimitedText::DelimitedText(absl::string_view text, DelimitedFormat format)
    : text_(absl::StripPrefix(text, kByteOrderMark)),
      format_(format),
      parser_(std::make_unique<Parser>(format, false)),
      spaced_parser_(std::make_unique<Parser>(format, true)) {}

DelimitedText::~DelimitedText() = default;

absl::string_view DelimitedText::LineAt(size_t begin) const {
  const absl::string_view rest = text_.substr(begin);
  const absl::string_view line = rest.substr(0, rest.find('\n'));
  // A carriage return ends a line by itself unless the line feed follows at once, as in CRLF.
  const size_t carriage_return = line.find('\r');
  if (carriage_return != absl::string_view::npos && carriage_return + 1 < line.size()) {
    return line.substr(0, carriage_return + 1);
  }
  return rest.substr(0, line.size() + 1);
}

bool DelimitedText::HasSpacedQuote() const {
  if (!format_.spaces_around_quotes) return false;
  const absl::string_view line = LineAt(next_);
  for (size_t quote = line.find('"'); quote != absl::string_view::npos;
       quote = line.find('"', quote + 1)) {
    const size_t before = quote == 0 ? quote : line.find_last_not_of(' ', quote - 1);
    if (quote > 0 && line[quote - 1] == ' ' &&
        (before == absl::string_view::npos || line[before] == format_.delimiter)) {
      return true;
    }
  }
  return false;
}

void DelimitedText::ReadRecord(Parser* parser, DelimitedRecord* record, size_t* end,
                               int64_t* lines) {
  parser->Begin(&record->fields);
  *end = next_;
  *lines = 0;
  // One line completes a record, except within quotes: the record then goes on behind its end.
  do {
    const absl::string_view line = LineAt(*end);
    *end += line.size();
    ++*lines;
    if (*end - next_ > format_.most_bytes) {
      record->broken = absl::StrCat("longer than ", format_.most_bytes,
                                    *lines > 1 ? " bytes: a quote is not closed" : " bytes");
      parser->Restart();
    } else if (!parser->Feed(line, *end == text_.size())) {
      record->broken = "a quote that is not closed, or stands within a field without being doubled";
    }
  } while (record->broken.empty() && !parser->complete());
}

std::string DelimitedText::CheckRecord(absl::string_view bytes,
                                       const std::vector<std::string>& fields) {
  if (std::string broken = DescribeBrokenUtf8(bytes); !broken.empty()) return broken;
  // The first whole record (the header, where there is one) settles the number for all others.
  if (format_.fields == 0) format_.fields = fields.size();
  if (fields.size() == format_.fields) return "";
  return absl::StrCat(fields.size(), fields.size() == 1 ? " field" : " fields", " instead of ",
                      format_.fields);
}

bool DelimitedText::Next(DelimitedRecord* record) {
  while (next_ < text_.size() && IsEmptyLine(LineAt(next_))) {
    next_ += LineAt(next_).size();
    ++line_;
  }
  if (next_ == text_.size()) return false;
  *record = {.line = line_};
  size_t end;
  int64_t lines;
  ReadRecord(parser_.get(), record, &end, &lines);
  if (!record->broken.empty() && HasSpacedQuote()) {
    DelimitedRecord spaced = {.line = line_};
    size_t spaced_end;
    int64_t spaced_lines;
    ReadRecord(spaced_parser_.get(), &spaced, &spaced_end, &spaced_lines);
    if (spaced.broken.empty()) {
      *record = std::move(spaced);
      end = spaced_end;
      lines = spaced_lines;
    }
  }
  bool resume_at_next_line = !record->broken.empty();
  if (record->broken.empty()) {
    record->broken = CheckRecord(text_.substr(next_, end - next_), record->fields);
    // A wrong number of fields may come from a stray quote that took the next lines in. Broken
    // UTF-8 in the right number does not: that record ends where it says.
    resume_at_next_line = record->fields.size() != format_.fields;
    record->undecodable = !record->broken.empty() && !resume_at_next_line;
  }
  if (!record->broken.empty() && !record->undecodable) record->fields.clear();
  if (resume_at_next_line) {
    end = next_ + LineAt(next_).size();
    lines = 1;
  }
  next_ = end;
  line_ += lines;
  return true;
}

char GuessDelimiter(absl::string_view text) {
  constexpr absl::string_view kCandidates = ",;|\t";
  std::array<size_t, kCandidates.size()> counts{};
  bool quoted = false;
  for (const char c : text.substr(0, text.find_first_of("\r\n"))) {
    if (c == '"') quoted = !quoted;
    const size_t which = kCandidates.find(c);
    if (!quoted && which != absl::string_view::npos) ++counts[which];
  }
  return kCandidates[static_cast<size_t>(std::max_element(counts.begin(), counts.end()) -
                                         counts.begin())];
}

absl::StatusOr<size_t> FindColumn(const std::vector<std::string>& header, absl::string_view name) {
  // Spelt just so first: a table may have columns "Text" and "text".
  auto found = std::find(header.begin(), header.end(), name);
  if (found == header.end()) {
    found = std::find_if(header.begin(), header.end(), [&](const std::string& column) {
      return absl::EqualsIgnoreCase(column, name);
    });
  }
  if (found != header.end()) return static_cast<size_t>(found - header.begin());
  return absl::InvalidArgumentError(
      absl::StrCat("has no column \"", name, "\"; its columns are ", absl::StrJoin(header, ", ")));
}

}  // namespace tributary
