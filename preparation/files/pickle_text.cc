#include "preparation/files/pickle_text.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

constexpr uint32_t kLastCodePoint = 0x10FFFF;

void AppendUtf8(uint32_t code, std::string* out) {
  const auto tail = [&](int shift) {
    out->push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3F)));
  };
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xC0 | code >> 6));
    tail(0);
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | code >> 12));
    tail(6);
    tail(0);
  } else {
    out->push_back(static_cast<char>(0xF0 | code >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

// `digits` hex digits at the front of `text`; false if they are not there.
bool TakeHex(size_t digits, absl::string_view* text, uint32_t* value) {
  if (text->size() < digits) return false;
  *value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const char c = absl::ascii_tolower(static_cast<unsigned char>((*text)[i]));
    if (absl::ascii_isxdigit(static_cast<unsigned char>(c)) == 0) return false;
    *value = *value << 4 | static_cast<uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  text->remove_prefix(digits);
  return true;
}

// Up to three octal digits.
char TakeOctal(absl::string_view* text) {
  uint32_t value = 0;
  for (int i = 0; i < 3 && !text->empty() && (*text)[0] >= '0' && (*text)[0] <= '7'; ++i) {
    value = value << 3 | static_cast<uint32_t>((*text)[0] - '0');
    text->remove_prefix(1);
  }
  return static_cast<char>(value);
}

// What stands behind a backslash. False if that is no escape.
bool TakeEscape(absl::string_view* text, std::string* out) {
  if (text->empty()) return false;
  static constexpr absl::string_view kNames = "nrtabfv\\'\"", kMeant = "\n\r\t\a\b\f\v\\'\"";
  const char c = (*text)[0];
  if (c >= '0' && c <= '7') {
    out->push_back(TakeOctal(text));
    return true;
  }
  text->remove_prefix(1);
  uint32_t value;
  if (c == 'x') {
    if (!TakeHex(2, text, &value)) return false;
    out->push_back(static_cast<char>(value));
    return true;
  }
  const size_t known = kNames.find(c);
  if (known == absl::string_view::npos) return false;
  out->push_back(kMeant[known]);
  return true;
}

}  // namespace

absl::StatusOr<std::string> UnquotePython(absl::string_view quoted) {
  if (quoted.size() < 2 || (quoted[0] != '\'' && quoted[0] != '"') || quoted.back() != quoted[0]) {
    return absl::InvalidArgumentError("a string without its quotes");
  }
  absl::string_view text = quoted.substr(1, quoted.size() - 2);
  std::string out;
  while (!text.empty()) {
    const char c = text[0];
    text.remove_prefix(1);
    if (c != '\\') {
      out.push_back(c);
    } else if (!TakeEscape(&text, &out)) {
      return absl::InvalidArgumentError("an unknown escape in a string");
    }
  }
  return out;
}

absl::StatusOr<std::string> FromRawUnicodeEscape(absl::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto code = static_cast<uint32_t>(static_cast<uint8_t>(text[0]));
    const char next = text.size() > 1 ? text[1] : '\0';
    text.remove_prefix(1);
    if (code == '\\' && (next == 'u' || next == 'U')) {
      text.remove_prefix(1);
      if (!TakeHex(next == 'u' ? 4 : 8, &text, &code) || code > kLastCodePoint) {
        return absl::InvalidArgumentError("a broken \\u in a text");
      }
    }
    AppendUtf8(code, &out);
  }
  return out;
}

absl::StatusOr<std::string> EncodeLatin1(absl::string_view utf8) {
  std::string out;
  for (size_t i = 0; i < utf8.size(); ++i) {
    const auto lead = static_cast<uint8_t>(utf8[i]);
    if (lead < 0x80) {
      out.push_back(utf8[i]);
      continue;
    }
    const uint8_t tail = i + 1 < utf8.size() ? static_cast<uint8_t>(utf8[++i]) : 0;
    if ((lead != 0xC2 && lead != 0xC3) || (tail & 0xC0) != 0x80) {
      return absl::InvalidArgumentError("a text that is not of Latin-1");
    }
    out.push_back(static_cast<char>((lead & 3) << 6 | (tail & 0x3F)));
  }
  return out;
}

}  // namespace tributary
