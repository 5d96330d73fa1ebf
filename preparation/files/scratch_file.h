// ScratchFile: bytes that are needed for a while and are too many for memory.
//
// The file has no name from the start (it is unlinked as soon as it is open), so that nothing is
// left behind, however the process ends.
//
// Append() from one thread; after the last one Read() is thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

class ScratchFile {
 public:
  // In `folder`, which must be there; NotFound or PermissionDenied names it.
  static absl::StatusOr<std::unique_ptr<ScratchFile>> Create(const std::string& folder);
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  // ResourceExhausted, naming the folder, if its disk is full.
  absl::Status Append(absl::string_view bytes);
  // OutOfRange if they are not all there.
  absl::StatusOr<std::string> Read(uint64_t offset, uint64_t length) const;

  uint64_t size() const { return size_; }

 private:
  ScratchFile(std::string folder, int fd) : folder_(std::move(folder)), fd_(fd) {}

  const std::string folder_;
  const int fd_;
  uint64_t size_ = 0;
};

}  // namespace tributary
