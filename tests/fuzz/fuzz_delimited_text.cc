// Delimited text: first how it is read, in one byte, then the text.
#include <algorithm>
#include <string>
#include <vector>

#include "preparation/files/delimited_text.h"
#include "preparation/files/utf8.h"
#include "tests/fuzz/fuzz_target.h"

namespace tributary {
namespace {

// `fields` as another program would write them.
std::string Written(const std::vector<std::string>& fields, const DelimitedFormat& format) {
  std::string line;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += format.delimiter;
    if (format.quotes) line += '"';
    for (const char c : fields[i]) line += format.quotes && c == '"' ? "\"\"" : std::string(1, c);
    if (format.quotes) line += '"';
  }
  return line + "\n";
}

void CheckWhole(const DelimitedRecord& record, const DelimitedFormat& format) {
  for (const std::string& field : record.fields) FUZZ_CHECK(!FindBrokenUtf8(field));
  // A single empty field without quotes, or one that begins like a byte order mark, is no record.
  if (!format.quotes && (record.fields[0].empty() || record.fields[0][0] == '\xEF')) return;
  const std::string written = Written(record.fields, format);
  DelimitedText reader(written, format);
  DelimitedRecord again;
  FUZZ_CHECK(reader.Next(&again));
  // What grew by its quotes may have become too long.
  if (written.size() > format.most_bytes) return;
  FUZZ_CHECK(again.broken.empty() && again.fields == record.fields);
  FUZZ_CHECK(!reader.Next(&again));
}

}  // namespace
}  // namespace tributary

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tributary;
  if (size == 0) return 0;
  const DelimitedFormat format = {.delimiter = ",;|\t"[data[0] & 3],
                                  .quotes = (data[0] & 4) != 0,
                                  .fields = size_t{data[0]} >> 3 & 3,
                                  .most_bytes = (data[0] & 32) != 0 ? size_t{20} : size_t{1} << 20,
                                  .spaces_around_quotes = (data[0] & 64) != 0};
  const absl::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  GuessDelimiter(text);
  DelimitedText reader(text, format);
  const auto lines =
      1 + std::count_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; });
  int64_t last = 0;
  size_t fields = format.fields;
  for (DelimitedRecord record; reader.Next(&record);) {
    FUZZ_CHECK(record.line > last && record.line <= lines);
    last = record.line;
    FUZZ_CHECK((record.broken.empty() || record.undecodable) != record.fields.empty());
    if (!record.broken.empty()) continue;
    if (fields == 0) fields = record.fields.size();
    FUZZ_CHECK(record.fields.size() == fields);
    CheckWhole(record, format);
  }
  return 0;
}
