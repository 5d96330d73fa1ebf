#include "preparation/files/archive_magic.h"

#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

constexpr size_t kHead = 512;
constexpr size_t kTarMark = 257;

}  // namespace

ArchiveKind KindOf(absl::string_view head) {
  for (const absl::string_view zip : {"PK\x03\x04", "PK\x05\x06"}) {
    if (absl::StartsWith(head, zip)) return ArchiveKind::kZip;
  }
  if (head.size() > kTarMark && absl::StartsWith(head.substr(kTarMark), "ustar")) {
    return ArchiveKind::kTar;
  }
  // gzip, bzip2, xz and zstd.
  for (const absl::string_view packed : {"\x1f\x8b", "BZh",
                                         "\xfd"
                                         "7zXZ",
                                         "\x28\xb5\x2f\xfd"}) {
    if (absl::StartsWith(head, packed)) return ArchiveKind::kPacked;
  }
  return ArchiveKind::kNone;
}

absl::StatusOr<ArchiveKind> KindOfFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::error_code error;
    const std::string message = absl::StrCat(path, ": cannot be opened");
    return std::filesystem::exists(path, error) ? absl::PermissionDeniedError(message)
                                                : absl::NotFoundError(message);
  }
  std::string head(kHead, '\0');
  file.read(head.data(), kHead);
  return KindOf(absl::string_view(head).substr(0, static_cast<size_t>(file.gcount())));
}

}  // namespace tributary
