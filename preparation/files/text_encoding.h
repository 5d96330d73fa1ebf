// Text in encodings other than UTF-8, and Unicode's two ways to write one letter. By ICU.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

// What spreadsheets of western Europe write: every Latin-1 text reads the same in it.
inline constexpr char kUsualEncoding[] = "windows-1252";

// InvalidArgument unless ICU knows an encoding of that name ("latin1", "windows-1252", "UTF-16").
absl::Status CheckEncoding(const std::string& name);

// `bytes`, which are in `encoding`, in UTF-8. InvalidArgument for an unknown encoding;
// DataLoss, naming the byte (from 1), if one means nothing in it.
absl::StatusOr<std::string> ToUtf8(absl::string_view bytes, const std::string& encoding);

// `bytes`, which are not UTF-8, as a person would read them who takes them for kUsualEncoding: for
// messages.
std::string AsUsualText(absl::string_view bytes);

// "UTF-16" or "UTF-32" if `bytes` begin with that byte order mark; else empty.
std::string EncodingByMark(absl::string_view bytes);

// `text` (UTF-8) with each letter and its accents composed into one character where there is one
// (NFC), as most systems write names, or taken apart (NFD), as macOS does. Broken UTF-8 stays as it
// is.
std::string Composed(absl::string_view text);
std::string Decomposed(absl::string_view text);

}  // namespace tributary
