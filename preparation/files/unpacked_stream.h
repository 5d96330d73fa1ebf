// UnpackedStream: a file's bytes piece by piece, unpacked if it is packed by gzip, bzip2, xz or
// zstd, all checksums compared by the time of its end.
#pragma once

#include <fstream>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "preparation/files/gunzip.h"

struct archive;

namespace tributary {

class UnpackedStream {
 public:
  // NotFound or DataLoss, naming the file.
  static absl::StatusOr<std::unique_ptr<UnpackedStream>> Open(const std::string& path);
  ~UnpackedStream();
  UnpackedStream(const UnpackedStream&) = delete;
  UnpackedStream& operator=(const UnpackedStream&) = delete;

  // The next bytes, valid until the next call; empty at the end. DataLoss, naming the file, if it
  // is damaged or cut short.
  absl::StatusOr<absl::string_view> Next();
  // Whether it is packed at all.
  bool packed() const { return packed_; }

 private:
  explicit UnpackedStream(const std::string& path);

  absl::Status OpenGzip();
  absl::Status OpenOther();
  absl::StatusOr<absl::string_view> NextOfOther();
  absl::Status Damaged() const;

  const std::string path_;
  bool packed_ = false;
  std::string piece_;  // of the file, for gzip; else unpacked
  // gzip's checksums libarchive does not compare.
  std::ifstream file_;
  std::unique_ptr<GunzipStream> gunzip_;
  archive* other_ = nullptr;
  bool at_end_ = false;  // of other_
};

}  // namespace tributary
