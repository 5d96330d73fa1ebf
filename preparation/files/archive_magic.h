// Tells from a file's first bytes whether it may be an archive; its name's ending proves nothing.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

enum class ArchiveKind {
  kNone,    // no mark of the others; an old tar has none either
  kZip,     // PKWARE's APPNOTE, 4.3: a local header, or the end of an empty archive
  kTar,     // POSIX's "ustar" at 257
  kPacked,  // gzip, bzip2, xz, zstd: of a tar, or of any file
};

// `head`: the file's first 512 bytes, or all of a shorter one.
ArchiveKind KindOf(absl::string_view head);

// NotFound or PermissionDenied if `path` cannot be read.
absl::StatusOr<ArchiveKind> KindOfFile(const std::string& path);

}  // namespace tributary
