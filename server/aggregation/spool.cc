#include "server/aggregation/spool.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace tributary {

absl::Status Spool::Append(std::string chunk) {
  Held held{.in_memory = "", .offset = file_bytes_, .length = chunk.size()};
  if (budget_->Take(static_cast<int64_t>(chunk.size()))) {
    held.in_memory = std::move(chunk);
  } else {
    if (fd_ < 0) fd_ = open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd_ < 0) return ErrnoStatus(errno, absl::StrCat("cannot write ", path_));
    const ssize_t written =
        pwrite(fd_, chunk.data(), chunk.size(), static_cast<off_t>(file_bytes_));
    if (written != static_cast<ssize_t>(chunk.size())) {
      return ErrnoStatus(written < 0 ? errno : ENOSPC, absl::StrCat("cannot write ", path_));
    }
    file_bytes_ += chunk.size();
  }
  bytes_ += held.length;
  chunks_.push_back(std::move(held));
  return absl::OkStatus();
}

absl::StatusOr<std::string> Spool::Read(size_t index) const {
  const Held& held = chunks_[index];
  if (!held.in_memory.empty() || held.length == 0) return held.in_memory;
  std::string chunk(held.length, '\0');
  const ssize_t got = pread(fd_, chunk.data(), chunk.size(), static_cast<off_t>(held.offset));
  if (got != static_cast<ssize_t>(chunk.size())) {
    return ErrnoStatus(got < 0 ? errno : EIO, absl::StrCat("cannot read ", path_));
  }
  return chunk;
}

void Spool::Clear() {
  for (const Held& held : chunks_) budget_->Give(static_cast<int64_t>(held.in_memory.size()));
  chunks_.clear();
  bytes_ = file_bytes_ = 0;
  if (fd_ >= 0) {
    close(std::exchange(fd_, -1));
    unlink(path_.c_str());
  }
}

}  // namespace tributary
