#include "preparation/files/json_lines.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "preparation/files/json_value.h"
#include "preparation/files/text_encoding.h"
#include "preparation/files/utf8.h"

namespace tributary {

JsonLines::JsonLines(absl::string_view text) : rest_(absl::StripPrefix(text, "\xEF\xBB\xBF")) {}

bool JsonLines::Next(JsonLine* line) {
  absl::string_view text;
  while (text.empty()) {  // passes over empty lines, which count all the same
    if (rest_.empty()) return false;
    const size_t end = rest_.find('\n');
    text = absl::StripAsciiWhitespace(rest_.substr(0, end));
    rest_.remove_prefix(end == absl::string_view::npos ? rest_.size() : end + 1);
    ++line_;
  }
  *line = {.line = line_};
  // Before it is parsed: a file without line ends may be one line of gigabytes.
  if (text.size() > kLongestJsonLine) {
    line->broken = absl::StrCat("longer than ", kLongestJsonLine, " bytes");
    return true;
  }
  // The parser would refuse it, too, but name the byte behind the broken one.
  line->broken = DescribeBrokenUtf8(text);
  if (!line->broken.empty()) {
    absl::StatusOr<nlohmann::json> guess = ParseSmallJson(AsUsualText(text));
    line->undecodable = guess.ok() && guess->is_object();
    if (line->undecodable) line->object = *std::move(guess);
    return true;
  }
  absl::StatusOr<nlohmann::json> value = ParseSmallJson(text);
  if (!value.ok()) {
    line->broken = std::string(value.status().message());
  } else if (!value->is_object()) {
    line->broken = absl::StrCat("no JSON object but ", value->type_name());
  } else {
    line->object = *std::move(value);
  }
  return true;
}

}  // namespace tributary
