#include "preparation/files/tar_stream.h"

#include <cerrno>
#include <fstream>
#include <utility>

#include <archive.h>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

constexpr size_t kTarBlock = 512;
constexpr uint64_t kMostPadding = 64 << 20;

}  // namespace

TarStream::TarStream(std::string path, std::unique_ptr<UnpackedStream> bytes)
    : path_(std::move(path)), bytes_(std::move(bytes)), handle_(archive_read_new()) {
  archive_read_support_format_tar(handle_);
}

TarStream::~TarStream() { archive_read_free(handle_); }

absl::StatusOr<std::unique_ptr<TarStream>> TarStream::Open(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<UnpackedStream> bytes, UnpackedStream::Open(path));
  std::unique_ptr<TarStream> tar = absl::WrapUnique(new TarStream(path, std::move(bytes)));
  const int result = archive_read_open(tar->handle_, tar.get(), nullptr, &TarStream::Read, nullptr);
  RETURN_IF_ERROR(tar->status_);
  if (result == ARCHIVE_OK) return tar;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": neither a zip nor a tar archive (.tar, .tar.gz, .tar.bz2, .tar.xz)"));
}

ssize_t TarStream::Read(archive* handle, void* stream, const void** bytes) {
  auto* self = static_cast<TarStream*>(stream);
  const auto piece = self->bytes_->Next();
  // libarchive passes on a number and a text. The status, with its code and the file's name, waits
  // in status_ for Open() or Damaged().
  if (!piece.ok()) {
    self->status_ = piece.status();
    archive_set_error(handle, EIO, "damaged");
    return ARCHIVE_FATAL;
  }
  *bytes = piece->data();
  return static_cast<ssize_t>(piece->size());
}

absl::Status TarStream::Damaged(absl::string_view where) const {
  RETURN_IF_ERROR(status_);
  const char* reason = archive_error_string(handle_);
  return absl::DataLossError(absl::StrCat(path_, ": damaged or cut short", where, ": ",
                                          reason == nullptr ? "no reason given" : reason,
                                          "; fetch it anew"));
}

absl::Status TarStream::CheckEnd() {
  if (!bytes_->packed()) return CheckEndOfPlain();
  // What follows the last file is some padding, and the checksum of it all, which is compared only
  // if it is read to the end.
  for (uint64_t padding = 0; padding < kMostPadding;) {
    ASSIGN_OR_RETURN(const absl::string_view rest, bytes_->Next());
    if (rest.empty()) return absl::OkStatus();
    padding += rest.size();
  }
  return absl::DataLossError(
      absl::StrCat(path_, ": more than ", kMostPadding, " bytes follow the archive's end"));
}

// A plain archive's end is a block of zeros, without which libarchive takes it for whole.
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
