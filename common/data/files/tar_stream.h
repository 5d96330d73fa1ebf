// TarStream: a tar archive, plain or packed by gzip, bzip2, xz or zstd, as libarchive reads it.
//
// gzip is unpacked by our own GunzipStream, because libarchive does not compare its checksums.
#pragma once

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/data/files/gunzip.h"

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
  explicit TarStream(std::string path);

  absl::Status OpenGzip();
  absl::Status OpenOther();
  absl::Status WhyNoTar() const;
  absl::Status CheckEndOfPlain() const;
  // archive_read_callback().
  static long Read(archive* handle, void* stream, const void** bytes);

  const std::string path_;
  archive* handle_;
  // Of gzip.
  std::ifstream file_;
  std::string packed_;
  std::unique_ptr<GunzipStream> gunzip_;
  absl::Status gunzip_status_;
};

}  // namespace tributary
