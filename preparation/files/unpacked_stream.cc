#include "preparation/files/unpacked_stream.h"

#include <archive.h>
#include <archive_entry.h>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

constexpr size_t kPiece = 1 << 20;
constexpr size_t kHead = 2;  // of gzip

}  // namespace

UnpackedStream::UnpackedStream(const std::string& path)
    : path_(path), piece_(kPiece, '\0'), file_(path, std::ios::binary) {}

UnpackedStream::~UnpackedStream() { archive_read_free(other_); }

absl::StatusOr<std::unique_ptr<UnpackedStream>> UnpackedStream::Open(const std::string& path) {
  std::unique_ptr<UnpackedStream> stream = absl::WrapUnique(new UnpackedStream(path));
  if (!stream->file_) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  std::string head(kHead, '\0');
  stream->file_.read(head.data(), kHead);
  stream->file_.clear();
  stream->file_.seekg(0);
  RETURN_IF_ERROR(IsGzip(head) ? stream->OpenGzip() : stream->OpenOther());
  return stream;
}

absl::Status UnpackedStream::OpenGzip() {
  packed_ = true;
  gunzip_ = std::make_unique<GunzipStream>([this]() -> absl::StatusOr<absl::string_view> {
    file_.read(piece_.data(), static_cast<std::streamsize>(piece_.size()));
    return absl::string_view(piece_).substr(0, static_cast<size_t>(file_.gcount()));
  });
  return absl::OkStatus();
}

absl::Status UnpackedStream::OpenOther() {
  other_ = archive_read_new();
  archive_read_support_filter_bzip2(other_);
  archive_read_support_filter_xz(other_);
  archive_read_support_filter_zstd(other_);
  // Raw: whatever is packed is one entry, and a tar in it is not taken apart here. It refuses a
  // file of no bytes, which "empty" takes.
  archive_read_support_format_raw(other_);
  archive_read_support_format_empty(other_);
  archive_entry* entry = nullptr;
  int result = archive_read_open_filename(other_, path_.c_str(), kPiece);
  if (result == ARCHIVE_OK) result = archive_read_next_header(other_, &entry);
  at_end_ = result == ARCHIVE_EOF;
  if (result < ARCHIVE_WARN) return Damaged();
  packed_ = archive_filter_code(other_, 0) != ARCHIVE_FILTER_NONE;
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> UnpackedStream::Next() {
  if (gunzip_ == nullptr) return NextOfOther();
  auto piece = gunzip_->Next();
  if (!piece.ok()) return Annotate(piece.status(), path_);
  return piece;
}

absl::StatusOr<absl::string_view> UnpackedStream::NextOfOther() {
  if (at_end_) return absl::string_view();
  const la_ssize_t got = archive_read_data(other_, piece_.data(), piece_.size());
  if (got < 0) return Damaged();
  at_end_ = got == 0;
  return absl::string_view(piece_.data(), static_cast<size_t>(got));
}

absl::Status UnpackedStream::Damaged() const {
  const char* reason = archive_error_string(other_);
  return absl::DataLossError(absl::StrCat(
      path_, ": damaged or cut short: ", reason == nullptr ? "no reason given" : reason,
      "; fetch it anew"));
}

}  // namespace tributary
