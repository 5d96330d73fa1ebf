// Files that survive a crash: whole or not at all.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/hash.h"

namespace tributary {

// A file in the making: after a crash at any instant `path` holds either the old or the new
// content.
//
// Writes to "<path>.part"; Commit() syncs it, renames it and syncs the folder. Without Commit(), or
// after an error (full disk, read-only folder), the old file is untouched and nothing is left
// behind.
class AtomicFile {
 public:
  // `recycled`: a file that nobody needs any more, or empty. Its blocks on the disk are written
  // over, since allocating new ones costs more than writing the bytes. It is gone afterwards. A
  // file that does not exist is no error.
  explicit AtomicFile(std::string path, const std::string& recycled = "");
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Appends. An error, perhaps of an earlier call, is also returned by each later one.
  absl::Status Write(absl::string_view content);
  // Of what was written so far.
  uint64_t checksum() const { return checksum_.Value(); }
  absl::Status Commit() &&;

 private:
  std::string part() const { return path_ + ".part"; }
  void Put(absl::string_view piece);

  std::string path_;
  int fd_;
  uint64_t written_ = 0;
  uint64_t started_ = 0;  // bytes whose writeback was started
  std::string begun_;     // bytes of the piece that is not full yet
  ChecksumOfPieces checksum_;
  absl::Status status_;
};

// Puts `content` at `path` by way of an AtomicFile.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view content);

// The whole file. NotFound, PermissionDenied or Internal, with the path.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Returns when the disk holds the content of `path` and its name in the folder.
absl::Status SyncFile(const std::string& path);

// Creates `path` and its parents; OK if it is there already. Also fails where the folder is there
// but cannot be written to, so that a read-only state folder is found at start.
absl::Status EnsureWritableFolder(const std::string& path);

}  // namespace tributary
