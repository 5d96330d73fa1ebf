#include "preparation/datasets/basic_english.h"

#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include "absl/strings/str_replace.h"

namespace tributary {
namespace {

// What Python's \s and split() take for white space: Unicode's, and four separators of ASCII.
bool IsWhite(UChar32 c) { return u_isUWhiteSpace(c) || (c >= 0x1C && c <= 0x1F); }

icu::UnicodeString Collapse(const icu::UnicodeString& text) {
  icu::UnicodeString collapsed;
  bool pending = false;
  for (int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    const UChar32 c = text.char32At(i);
    if (IsWhite(c)) {
      pending = !collapsed.isEmpty();
      continue;
    }
    if (pending) collapsed.append(static_cast<UChar32>(' '));
    pending = false;
    collapsed.append(c);
  }
  return collapsed;
}

}  // namespace

std::string BasicEnglish(absl::string_view text) {
  auto lower = icu::UnicodeString::fromUTF8({text.data(), static_cast<int32_t>(text.size())});
  std::string marked;
  lower.toLower(icu::Locale::getRoot()).toUTF8String(marked);
  // Quotes go first: what they stood between may become a <br />.
  marked = absl::StrReplaceAll(marked, {{"\"", ""}});
  // One pass does what the original does by one regular expression after the other: none of these
  // makes or breaks a match of another.
  marked = absl::StrReplaceAll(marked, {{"'", " '  "},
                                        {".", " . "},
                                        {"<br />", " "},
                                        {",", " , "},
                                        {"(", " ( "},
                                        {")", " ) "},
                                        {"!", " ! "},
                                        {"?", " ? "},
                                        {";", " "},
                                        {":", " "}});
  std::string result;
  Collapse(icu::UnicodeString::fromUTF8(marked)).toUTF8String(result);
  return result;
}

}  // namespace tributary
