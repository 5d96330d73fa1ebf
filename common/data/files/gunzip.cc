#include "common/data/files/gunzip.h"

#include <memory>

#include <archive.h>
#include <archive_entry.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

constexpr size_t kPiece = 1 << 20;

absl::Status Damaged(archive* handle) {
  const char* text = archive_error_string(handle);
  return absl::DataLossError(absl::StrCat(
      "damaged or cut short: ", text == nullptr ? "no gzip file" : text, "; fetch it anew"));
}

}  // namespace

bool IsGzip(absl::string_view bytes) { return absl::StartsWith(bytes, "\x1f\x8b"); }

absl::StatusOr<std::string> Gunzip(absl::string_view packed, uint64_t most) {
  const std::unique_ptr<archive, decltype(&archive_read_free)> handle(archive_read_new(),
                                                                      &archive_read_free);
  archive_read_support_format_raw(handle.get());
  archive_read_support_filter_gzip(handle.get());
  archive_entry* entry = nullptr;
  if (!IsGzip(packed) ||
      archive_read_open_memory(handle.get(), packed.data(), packed.size()) != ARCHIVE_OK) {
    return Damaged(handle.get());
  }
  // Without the filter the bytes were taken as they are: the gzip header itself is damaged.
  if (archive_filter_code(handle.get(), 0) != ARCHIVE_FILTER_GZIP) return Damaged(handle.get());
  const int header = archive_read_next_header(handle.get(), &entry);
  if (header == ARCHIVE_EOF) return std::string();
  if (header < ARCHIVE_WARN) return Damaged(handle.get());
  std::string bytes, piece(kPiece, '\0');
  while (true) {
    const la_ssize_t got = archive_read_data(handle.get(), piece.data(), piece.size());
    if (got < 0) return Damaged(handle.get());
    if (got == 0) return bytes;
    if (bytes.size() + static_cast<uint64_t>(got) > most) {
      return absl::ResourceExhaustedError(absl::StrCat("unpacks to more than ", most, " bytes"));
    }
    bytes.append(piece.data(), static_cast<size_t>(got));
  }
}

}  // namespace tributary
