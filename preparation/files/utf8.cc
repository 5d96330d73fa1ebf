#include "preparation/files/utf8.h"

#include <cstdint>

#include <unicode/utf8.h>

#include "absl/strings/str_cat.h"

namespace tributary {

std::optional<size_t> FindBrokenUtf8(absl::string_view text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const size_t length = text.size();
  for (size_t i = 0; i < length;) {
    if (bytes[i] < 0x80) {  // most bytes of most files
      ++i;
      continue;
    }
    // ICU counts in 32 bits, a file may be larger; no sequence is longer than 4.
    const auto rest = static_cast<int32_t>(length - i < 4 ? length - i : 4);
    int32_t used = 0;
    UChar32 character;
    U8_NEXT(bytes + i, used, rest, character);
    if (character < 0) return i;
    i += static_cast<size_t>(used);
  }
  return std::nullopt;
}

std::string DescribeBrokenUtf8(absl::string_view text) {
  const std::optional<size_t> at = FindBrokenUtf8(text);
  return at ? absl::StrCat("broken UTF-8 at byte ", *at + 1) : "";
}

}  // namespace tributary
