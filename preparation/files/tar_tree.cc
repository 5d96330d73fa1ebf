#include "preparation/files/tar_tree.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include <archive.h>
#include <archive_entry.h>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "preparation/files/archive_limits.h"
#include "preparation/files/folder_tree.h"
#include "preparation/files/scratch_file.h"
#include "preparation/files/scratch_tree.h"
#include "preparation/files/tar_stream.h"

namespace tributary {
namespace {

constexpr size_t kPiece = 1 << 20;

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

  absl::Status UnpackAll(TarStream* tar) {
    archive* const handle = tar->handle();
    while (true) {
      archive_entry* entry = nullptr;
      const int result = archive_read_next_header(handle, &entry);
      if (result == ARCHIVE_EOF) return tar->CheckEnd();
      if (result < ARCHIVE_WARN) {
        const std::string where =
            places_.empty() ? "" : absl::StrCat(" after ", places_.size(), " files");
        return tar->Damaged(where);
      }
      // Also of what is left out: to pass over it takes as long as to unpack it.
      if (archive_entry_size(entry) > static_cast<la_int64_t>(most_) ||
          archive_filter_bytes(handle, 0) > static_cast<la_int64_t>(most_)) {
        return TooLarge();
      }
      const std::string name = NameOf(entry);
      if (places_.size() >= kMostFiles) return TooLarge();
      if (!name.empty()) RETURN_IF_ERROR(UnpackOne(tar, name));
    }
  }

  const std::map<std::string, ScratchTree::Place>& places() const { return places_; }

 private:
  absl::Status TooLarge() const {
    return absl::ResourceExhaustedError(
        absl::StrCat(path_, ": unpacks to more than ", most_, " bytes or ", kMostFiles,
                     " files, which no dataset does; unpack it yourself if you trust it"));
  }

  absl::Status UnpackOne(TarStream* tar, const std::string& name) {
    const uint64_t begin = bytes_->size();
    while (true) {
      const la_ssize_t got = archive_read_data(tar->handle(), piece_.data(), piece_.size());
      if (got < 0) return tar->Damaged(absl::StrCat(" in ", name));
      if (got == 0) break;
      if (bytes_->size() + static_cast<uint64_t>(got) > most_) {
        return TooLarge();
      }
      RETURN_IF_ERROR(bytes_->Append(absl::string_view(piece_.data(), static_cast<size_t>(got))));
    }
    // Of a name that comes twice the last counts, as for tar; the first one's bytes stay unused.
    places_[name] = {.offset = begin, .size = bytes_->size() - begin};
    return absl::OkStatus();
  }

  const std::string path_;
  const uint64_t most_;
  ScratchFile* const bytes_;
  std::string piece_;
  std::map<std::string, ScratchTree::Place> places_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const FileTree>> OpenTar(const std::string& path,
                                                        const std::string& scratch) {
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  if (error) return absl::NotFoundError(absl::StrCat(path, ": ", error.message()));
  ASSIGN_OR_RETURN(const std::unique_ptr<TarStream> tar, TarStream::Open(path));
  ASSIGN_OR_RETURN(std::unique_ptr<ScratchFile> bytes, ScratchFile::Create(scratch));
  Unpacking unpacking(path, size, bytes.get());
  RETURN_IF_ERROR(unpacking.UnpackAll(tar.get()));
  return std::make_shared<ScratchTree>(path, unpacking.places(), std::move(bytes));
}

}  // namespace tributary
