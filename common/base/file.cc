#include "common/base/file.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

// Bytes of one write(), at offsets that are multiples of it. The page cache then uses folios larger
// than a page, which takes a third off the disk's time. Pieces larger than 64 KiB are slower: in a
// new file the kernel searches long for free folios of that size.
constexpr size_t kPiece = 64 << 10;
// Writeback starts each time so many bytes have been written. Left to the fsync at the end, a
// commit of 22 MB took 20 ms instead of 13.
constexpr uint64_t kStart = 1 << 20;

// Syncs a file or a folder by its path: fsync() acts on the inode, so that a descriptor opened anew
// also syncs what another one has written.
absl::Status Sync(const std::string& path, int flags) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  const int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  if (error != 0) return ErrnoStatus(error, absl::StrCat("cannot sync ", path));
  return absl::OkStatus();
}

// A rename is an entry of the folder, which the file's own fsync does not write. Without this the
// old name may come back after a power cut.
absl::Status SyncFolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return Sync(folder.empty() ? "." : folder, O_DIRECTORY);
}

}  // namespace

AtomicFile::AtomicFile(std::string path, const std::string& recycled) : path_(std::move(path)) {
  // A renamed file keeps its blocks, so that writing over it allocates nothing. It is not truncated
  // for the same reason; Commit() cuts off what is left beyond the new content.
  const bool reused = !recycled.empty() && rename(recycled.c_str(), part().c_str()) == 0;
  fd_ = open(part().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (reused ? 0 : O_TRUNC), 0644);
  if (fd_ < 0) status_ = ErrnoStatus(errno, absl::StrCat("cannot write ", path_));
}

AtomicFile::~AtomicFile() {
  // Commit() succeeded, or nothing was opened.
  if (fd_ < 0) return;
  close(fd_);
  unlink(part().c_str());
}

void AtomicFile::Put(absl::string_view piece) {
  while (!piece.empty() && status_.ok()) {
    const ssize_t written = write(fd_, piece.data(), piece.size());
    if (written < 0) {
      if (errno != EINTR) status_ = ErrnoStatus(errno, absl::StrCat("cannot write ", path_));
      continue;
    }
    piece.remove_prefix(static_cast<size_t>(written));
    written_ += static_cast<uint64_t>(written);
  }
  if (written_ - started_ < kStart) return;
  // Starts writeback and does not wait for it. This is a hint without a guarantee, so that its
  // result is not checked: the fsync of Commit() is what makes the bytes durable.
  sync_file_range(fd_, static_cast<off_t>(started_), static_cast<off_t>(written_ - started_),
                  SYNC_FILE_RANGE_WRITE);
  started_ = written_;
}

absl::Status AtomicFile::Write(absl::string_view content) {
  while (!content.empty() && status_.ok()) {
    const absl::string_view next = content.substr(0, kPiece - begun_.size());
    checksum_.Add(next);  // here, where the bytes are in a cache: a pass of its own costs more
    if (next.size() == kPiece) {
      Put(next);
    } else {
      begun_.reserve(kPiece);
      begun_.append(next.data(), next.size());
    }
    if (begun_.size() == kPiece) {
      Put(begun_);
      begun_.clear();
    }
    content.remove_prefix(next.size());
  }
  return status_;
}

absl::Status AtomicFile::Commit() && {
  Put(begun_);
  RETURN_IF_ERROR(status_);
  // The order is what makes the file atomic: the bytes must be on the disk before the name leads to
  // them, or a crash could leave the name on a file of zeros.
  if (ftruncate(fd_, static_cast<off_t>(written_)) != 0 || fsync(fd_) != 0 ||
      rename(part().c_str(), path_.c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot write ", path_));
  }
  close(std::exchange(fd_, -1));
  return SyncFolderOf(path_);
}

absl::Status SyncFile(const std::string& path) {
  RETURN_IF_ERROR(Sync(path, 0));
  return SyncFolderOf(path);
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view content) {
  AtomicFile file(path);
  RETURN_IF_ERROR(file.Write(content));
  return std::move(file).Commit();
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::error_code error;
  // A folder opens like a file and fails in the first read, where a stream keeps no errno.
  if (std::filesystem::is_directory(path, error)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a folder; expected a file"));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoStatus(errno, absl::StrCat("cannot read ", path));
  std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) return ErrnoStatus(EIO, absl::StrCat("cannot read ", path));
  return content;
}

absl::Status EnsureWritableFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot create folder ", path));
  // access() says yes to root on a read-only mount; only a write tells.
  const std::string probe = absl::StrCat(path, "/.probe");
  RETURN_IF_ERROR(
      Annotate(WriteFileAtomically(probe, ""), absl::StrCat("folder ", path, " is not writable")));
  unlink(probe.c_str());
  return absl::OkStatus();
}

}  // namespace tributary
