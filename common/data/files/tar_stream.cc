#include "common/data/files/tar_stream.h"

#include <cerrno>
#include <utility>

#include <archive.h>
#include <archive_entry.h>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

constexpr size_t kPiece = 1 << 20;
constexpr size_t kTarBlock = 512;
constexpr size_t kMostPadding = 64 << 20;

archive* NewHandle() {
  archive* handle = archive_read_new();
  archive_read_support_filter_bzip2(handle);
  archive_read_support_filter_xz(handle);
  archive_read_support_filter_zstd(handle);
  return handle;
}

absl::Status NoTar(const std::string& path) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": neither a zip nor a tar archive (.tar, .tar.gz, .tar.bz2, .tar.xz)"));
}

}  // namespace

TarStream::TarStream(std::string path)
    : path_(std::move(path)), handle_(NewHandle()), file_(path_, std::ios::binary) {
  archive_read_support_format_tar(handle_);
}

TarStream::~TarStream() { archive_read_free(handle_); }

absl::StatusOr<std::unique_ptr<TarStream>> TarStream::Open(const std::string& path) {
  std::unique_ptr<TarStream> stream = absl::WrapUnique(new TarStream(path));
  if (!stream->file_) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  std::string head(kTarBlock, '\0');
  stream->file_.read(head.data(), static_cast<std::streamsize>(head.size()));
  stream->file_.clear();
  stream->file_.seekg(0);
  RETURN_IF_ERROR(IsGzip(head) ? stream->OpenGzip() : stream->OpenOther());
  return stream;
}

absl::Status TarStream::OpenGzip() {
  packed_.resize(kPiece);
  gunzip_ = std::make_unique<GunzipStream>([this]() -> absl::StatusOr<absl::string_view> {
    file_.read(packed_.data(), static_cast<std::streamsize>(packed_.size()));
    return absl::string_view(packed_).substr(0, static_cast<size_t>(file_.gcount()));
  });
  if (archive_read_open(handle_, this, nullptr, &TarStream::Read, nullptr) == ARCHIVE_OK) {
    return absl::OkStatus();
  }
  return gunzip_status_.ok() ? NoTar(path_) : Annotate(gunzip_status_, path_);
}

absl::Status TarStream::OpenOther() {
  if (archive_read_open_filename(handle_, path_.c_str(), kPiece) == ARCHIVE_OK) {
    return absl::OkStatus();
  }
  return WhyNoTar();
}

// A packed file may be cut short before libarchive could find a tar in it.
absl::Status TarStream::WhyNoTar() const {
  TarStream raw(path_);
  archive_read_support_format_raw(raw.handle_);
  archive_read_support_format_empty(raw.handle_);
  archive_entry* entry = nullptr;
  std::string head(kTarBlock, '\0');
  int result = archive_read_open_filename(raw.handle_, path_.c_str(), kPiece);
  if (result == ARCHIVE_OK) result = archive_read_next_header(raw.handle_, &entry);
  const bool has_bytes = result != ARCHIVE_EOF;
  if (result < ARCHIVE_WARN ||
      (has_bytes && archive_read_data(raw.handle_, head.data(), head.size()) < 0)) {
    return raw.Damaged("");
  }
  return NoTar(path_);
}

la_ssize_t TarStream::Read(archive* handle, void* stream, const void** bytes) {
  auto* self = static_cast<TarStream*>(stream);
  const auto piece = self->gunzip_->Next();
  if (!piece.ok()) {
    self->gunzip_status_ = piece.status();
    archive_set_error(handle, EIO, "%s", std::string(piece.status().message()).c_str());
    return ARCHIVE_FATAL;
  }
  *bytes = piece->data();
  return static_cast<la_ssize_t>(piece->size());
}

absl::Status TarStream::Damaged(absl::string_view where) const {
  const char* reason = archive_error_string(handle_);
  return absl::DataLossError(absl::StrCat(path_, ": damaged or cut short", where, ": ",
                                          reason == nullptr ? "no reason given" : reason,
                                          "; fetch it anew"));
}

absl::Status TarStream::CheckEnd() {
  if (gunzip_ == nullptr) {
    const bool plain = archive_filter_code(handle_, 0) == ARCHIVE_FILTER_NONE;
    return plain ? CheckEndOfPlain() : absl::OkStatus();
  }
  // What follows the last file is some padding, and the checksum of it all.
  for (size_t pieces = 0; pieces < kMostPadding / kPiece; ++pieces) {
    const auto rest = gunzip_->Next();
    RETURN_IF_ERROR(Annotate(rest.status(), path_));
    if (rest->empty()) return absl::OkStatus();
  }
  return absl::DataLossError(
      absl::StrCat(path_, ": more than ", kMostPadding, " bytes follow the archive's end"));
}

// A packed archive's end is the end of its stream; a plain one's is a block of zeros, without which
// libarchive takes it for whole.
absl::Status TarStream::CheckEndOfPlain() const {
  std::ifstream file(path_, std::ios::binary | std::ios::ate);
  const std::streamoff size = file.tellg();
  std::string block(kTarBlock, '\1');
  if (size >= static_cast<std::streamoff>(kTarBlock)) {
    file.seekg(size - static_cast<std::streamoff>(kTarBlock));
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
  }
  if (file && block == std::string(kTarBlock, '\0')) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path_, ": cut short: it has no end mark; fetch it anew"));
}

}  // namespace tributary
