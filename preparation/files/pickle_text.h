// How Python writes strings into pickles: pickletools' stringnl, unicodestringnl, and _codecs.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

// 'it\'s \x00' in quotes, as repr() of Python 2's str gives it.
absl::StatusOr<std::string> UnquotePython(absl::string_view quoted);

// raw-unicode-escape: Latin-1 with \uXXXX and \UXXXXXXXX. Gives UTF-8.
absl::StatusOr<std::string> FromRawUnicodeEscape(absl::string_view text);

// InvalidArgument if `utf8` is not valid or has a character beyond U+00FF.
absl::StatusOr<std::string> EncodeLatin1(absl::string_view utf8);

}  // namespace tributary
