// TarStream: a tar archive, packed or not, as libarchive reads it out of an UnpackedStream.
#pragma once

#include <memory>
#include <string>

#include <sys/types.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "preparation/files/unpacked_stream.h"

struct archive;

namespace tributary {

class TarStream {
 public:
  // InvalidArgument if it is no tar archive, DataLoss if it is damaged at its very beginning.
  static absl::StatusOr<std::unique_ptr<TarStream>> Open(const std::string& path);
  ~TarStream();
  TarStream(const TarStream&) = delete;
  TarStream& operator=(const TarStream&) = delete;

  archive* handle() { return handle_; }
  // The error that `handle` told last: DataLoss, naming the archive and `where`.
  absl::Status Damaged(absl::string_view where) const;
  // After the last entry: DataLoss if the archive does not end there as it should.
  absl::Status CheckEnd();

 private:
  TarStream(std::string path, std::unique_ptr<UnpackedStream> bytes);

  absl::Status CheckEndOfPlain() const;
  // archive_read_callback().
  static ssize_t Read(archive* handle, void* stream, const void** bytes);

  const std::string path_;
  const std::unique_ptr<UnpackedStream> bytes_;
  absl::Status status_;  // of bytes_
  archive* const handle_;
};

}  // namespace tributary
