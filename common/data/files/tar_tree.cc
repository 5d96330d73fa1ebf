#include "common/data/files/tar_tree.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>
#include <utility>

#include <archive.h>
#include <archive_entry.h>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/data/files/archive_limits.h"
#include "common/data/files/folder_tree.h"
#include "common/data/files/scratch_file.h"
#include "common/data/files/scratch_tree.h"

namespace tributary {
namespace {

constexpr size_t kPiece = 1 << 20;
constexpr size_t kTarBlock = 512;

using ArchiveHandle = std::unique_ptr<archive, decltype(&archive_read_free)>;

std::string ErrorOf(archive* handle) {
  const char* text = archive_error_string(handle);
  return text == nullptr ? "no reason given" : text;
}

absl::Status Damaged(const std::string& path, const std::string& where, archive* handle) {
  return absl::DataLossError(absl::StrCat(path, ": damaged or cut short", where, ": ",
                                          ErrorOf(handle), "; fetch it anew"));
}

ArchiveHandle NewHandle() {
  ArchiveHandle handle(archive_read_new(), &archive_read_free);
  archive_read_support_filter_gzip(handle.get());
  archive_read_support_filter_bzip2(handle.get());
  archive_read_support_filter_xz(handle.get());
  archive_read_support_filter_zstd(handle.get());
  return handle;
}

// Of a file in which libarchive finds no tar: a packed one may be cut short before it could.
absl::Status WhyNoTar(const std::string& path) {
  const ArchiveHandle handle = NewHandle();
  archive_read_support_format_raw(handle.get());
  archive_read_support_format_empty(handle.get());
  archive_entry* entry = nullptr;
  std::string head(kTarBlock, '\0');
  int result = archive_read_open_filename(handle.get(), path.c_str(), kPiece);
  if (result == ARCHIVE_OK) result = archive_read_next_header(handle.get(), &entry);
  const bool has_bytes = result != ARCHIVE_EOF;
  if (result < ARCHIVE_WARN ||
      (has_bytes && archive_read_data(handle.get(), head.data(), head.size()) < 0)) {
    return Damaged(path, "", handle.get());
  }
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": neither a zip nor a tar archive (.tar, .tar.gz, .tar.bz2, .tar.xz)"));
}

absl::StatusOr<ArchiveHandle> OpenArchive(const std::string& path) {
  ArchiveHandle handle = NewHandle();
  archive_read_support_format_tar(handle.get());
  if (archive_read_open_filename(handle.get(), path.c_str(), kPiece) == ARCHIVE_OK) return handle;
  return WhyNoTar(path);
}

// Empty for what FileTree leaves out.
std::string NameOf(archive_entry* entry) {
  if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr ||
      archive_entry_symlink(entry) != nullptr) {
    return "";
  }
  const char* name = archive_entry_pathname_utf8(entry);
  if (name == nullptr) name = archive_entry_pathname(entry);  // of another encoding
  return name == nullptr ? "" : NameInTree(name);
}

// Unpacks one archive.
class Unpacking {
 public:
  Unpacking(std::string path, uint64_t packed, ScratchFile* bytes)
      : path_(std::move(path)), most_(MostUnpacked(packed)), bytes_(bytes), piece_(kPiece, '\0') {}

  absl::Status UnpackAll(archive* handle) {
    while (true) {
      archive_entry* entry = nullptr;
      const int result = archive_read_next_header(handle, &entry);
      if (result == ARCHIVE_EOF) return absl::OkStatus();
      if (result < ARCHIVE_WARN) {
        const std::string where =
            places_.empty() ? "" : absl::StrCat(" after ", places_.size(), " files");
        return Damaged(path_, where, handle);
      }
      // Also of what is left out: to pass over it takes as long as to unpack it.
      if (archive_entry_size(entry) > static_cast<la_int64_t>(most_) ||
          archive_filter_bytes(handle, 0) > static_cast<la_int64_t>(most_)) {
        return TooLarge();
      }
      const std::string name = NameOf(entry);
      if (places_.size() >= kMostFiles) return TooLarge();
      if (!name.empty()) RETURN_IF_ERROR(UnpackOne(handle, name));
    }
  }

  const std::map<std::string, ScratchTree::Place>& places() const { return places_; }

 private:
  absl::Status TooLarge() const {
    return absl::ResourceExhaustedError(
        absl::StrCat(path_, ": unpacks to more than ", most_, " bytes or ", kMostFiles,
                     " files, which no dataset does; unpack it yourself if you trust it"));
  }

  absl::Status UnpackOne(archive* handle, const std::string& name) {
    const uint64_t begin = bytes_->size();
    while (true) {
      const la_ssize_t got = archive_read_data(handle, piece_.data(), piece_.size());
      if (got < 0) return Damaged(path_, absl::StrCat(" in ", name), handle);
      if (got == 0) break;
      if (bytes_->size() + static_cast<uint64_t>(got) > most_) {
        return TooLarge();
      }
      RETURN_IF_ERROR(bytes_->Append(absl::string_view(piece_.data(), static_cast<size_t>(got))));
    }
    places_[name] = {.offset = begin, .size = bytes_->size() - begin};
    return absl::OkStatus();
  }

  const std::string path_;
  const uint64_t most_;
  ScratchFile* const bytes_;
  std::string piece_;
  std::map<std::string, ScratchTree::Place> places_;
};

// A packed archive's end is the end of its stream; a plain one's is a block of zeros, without which
// libarchive takes it for whole.
absl::Status CheckEndOfPlainTar(const std::string& path, uint64_t size) {
  std::string block(std::min<uint64_t>(size, kTarBlock), '\0');
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(size - block.size()));
  file.read(block.data(), static_cast<std::streamsize>(block.size()));
  if (file && block == std::string(kTarBlock, '\0')) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path, ": cut short: it has no end mark; fetch it anew"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const FileTree>> OpenTar(const std::string& path,
                                                        const std::string& scratch) {
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  if (error) return absl::NotFoundError(absl::StrCat(path, ": ", error.message()));
  ASSIGN_OR_RETURN(const ArchiveHandle handle, OpenArchive(path));
  ASSIGN_OR_RETURN(std::unique_ptr<ScratchFile> bytes, ScratchFile::Create(scratch));
  Unpacking unpacking(path, size, bytes.get());
  RETURN_IF_ERROR(unpacking.UnpackAll(handle.get()));
  const bool plain = archive_filter_code(handle.get(), 0) == ARCHIVE_FILTER_NONE;
  if (plain) RETURN_IF_ERROR(CheckEndOfPlainTar(path, size));
  return std::make_shared<ScratchTree>(path, unpacking.places(), std::move(bytes));
}

}  // namespace tributary
