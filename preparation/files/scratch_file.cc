#include "preparation/files/scratch_file.h"

#include <cerrno>
#include <cstdlib>

#include <unistd.h>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace tributary {

absl::StatusOr<std::unique_ptr<ScratchFile>> ScratchFile::Create(const std::string& folder) {
  std::string path = absl::StrCat(folder.empty() ? "." : folder, "/unpacked.XXXXXX");
  const int fd = mkstemp(path.data());
  if (fd < 0) {
    return ErrnoStatus(errno, absl::StrCat("scratch folder \"", folder, "\""));
  }
  unlink(path.c_str());  // the bytes live until the descriptor is closed
  return absl::WrapUnique(new ScratchFile(folder, fd));
}

ScratchFile::~ScratchFile() { close(fd_); }

absl::Status ScratchFile::Append(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      // pwrite() tells a full disk by an error or, having written nothing, by 0.
      return ErrnoStatus(written < 0 ? errno : ENOSPC,
                         absl::StrCat("scratch folder \"", folder_, "\" takes no more than ", size_,
                                      " bytes; name one on a larger disk"));
    }
    size_ += static_cast<uint64_t>(written);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ScratchFile::Read(uint64_t offset, uint64_t length) const {
  if (offset > size_ || length > size_ - offset) {
    return absl::OutOfRangeError(
        absl::StrCat("bytes ", offset, " to ", offset + length, " of a scratch file of ", size_));
  }
  std::string bytes(length, '\0');
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t got =
        pread(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return ErrnoStatus(got < 0 ? errno : EIO, absl::StrCat("scratch folder \"", folder_, "\""));
    }
    done += static_cast<size_t>(got);
  }
  return bytes;
}

}  // namespace tributary
