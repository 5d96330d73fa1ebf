#include "server/aggregation/spool.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace tributary {

int64_t SpoolBytes(int64_t largest_upload) {
  constexpr int64_t kLeast = 48 << 20, kWhole = 96 << 20;
  return std::max(kLeast, std::min(largest_upload, kWhole + (largest_upload - kWhole) / 4 * 3));
}

std::string SpoolBudget::TakeBuffer() {
  absl::MutexLock lock(&mutex_);
  if (spare_.empty()) return "";
  std::string buffer = std::move(spare_.back());
  spare_.pop_back();
  spare_bytes_ -= static_cast<int64_t>(buffer.capacity());
  return buffer;
}

void SpoolBudget::PutBuffer(std::string used) {
  used.clear();
  const auto bytes = static_cast<int64_t>(used.capacity());
  absl::MutexLock lock(&mutex_);
  // Spare buffers save the page faults of new ones, but count: together with what uploads hold they
  // stay below the budget.
  if (spare_bytes_ + held_ + bytes > most_) return;
  spare_bytes_ += bytes;
  spare_.push_back(std::move(used));
}

bool Spool::Reserve(uint64_t bytes) {
  // An upload above the whole budget reserves all of it and spills the rest: otherwise its turn
  // would never come.
  bytes = std::min(bytes, static_cast<uint64_t>(budget_->most_reserved()));
  if (bytes <= reserved_) return true;
  if (!budget_->Take(static_cast<int64_t>(bytes - reserved_))) return false;
  reserved_ = bytes;
  return true;
}

absl::Status Spool::Append(std::string chunk) {
  Held held{.in_memory = nullptr, .offset = file_bytes_, .length = chunk.size()};
  const bool reserved = reserved_ >= chunk.size();
  if (reserved || budget_->Take(static_cast<int64_t>(chunk.size()))) {
    if (reserved) reserved_ -= chunk.size();
    budget_->Hold(chunk.size());
    held.in_memory = std::make_unique<std::string>(std::move(chunk));
  } else {
    // Spills. Made only now: most uploads never need a file.
    if (fd_ < 0) fd_ = open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd_ < 0) return ErrnoStatus(errno, absl::StrCat("cannot write ", path_));
    const ssize_t written =
        pwrite(fd_, chunk.data(), chunk.size(), static_cast<off_t>(file_bytes_));
    if (written != static_cast<ssize_t>(chunk.size())) {
      return ErrnoStatus(written < 0 ? errno : ENOSPC, absl::StrCat("cannot write ", path_));
    }
    file_bytes_ += chunk.size();
    budget_->PutBuffer(std::move(chunk));
  }
  bytes_ += held.length;
  chunks_.push_back(std::move(held));
  return absl::OkStatus();
}

std::optional<absl::string_view> Spool::InMemory(size_t index) const {
  const Held& held = chunks_[index];
  if (held.in_memory == nullptr) return std::nullopt;
  return *held.in_memory;
}

absl::StatusOr<absl::string_view> Spool::Read(size_t index, std::string* buffer) const {
  if (const auto chunk = InMemory(index); chunk.has_value()) return *chunk;
  const Held& held = chunks_[index];
  buffer->resize(held.length);
  const ssize_t got = pread(fd_, buffer->data(), buffer->size(), static_cast<off_t>(held.offset));
  if (got != static_cast<ssize_t>(buffer->size())) {
    return ErrnoStatus(got < 0 ? errno : EIO, absl::StrCat("cannot read ", path_));
  }
  return absl::string_view(*buffer);
}

void Spool::Free(size_t index) {
  Held& held = chunks_[index];
  if (held.in_memory == nullptr) return;
  budget_->Release(held.length);
  budget_->PutBuffer(std::move(*held.in_memory));
  held.in_memory.reset();
  budget_->Give(static_cast<int64_t>(held.length));  // last: the buffer is back by then
}

void Spool::Clear() {
  for (size_t i = 0; i < chunks_.size(); ++i) Free(i);
  budget_->Give(static_cast<int64_t>(std::exchange(reserved_, 0)));
  chunks_.clear();
  bytes_ = file_bytes_ = 0;
  if (fd_ >= 0) {
    close(std::exchange(fd_, -1));
    unlink(path_.c_str());
  }
}

}  // namespace tributary
