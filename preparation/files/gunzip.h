// Unpacks gzip (RFC 1952), checksums and all; libarchive's own reader of it does not compare them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct z_stream_s;

namespace tributary {

bool IsGzip(absl::string_view bytes);

// A gzip file piece by piece, its members one after the other.
class GunzipStream {
 public:
  // Gives the next piece of packed bytes, valid until the next call; empty at the end.
  using Source = std::function<absl::StatusOr<absl::string_view>()>;

  explicit GunzipStream(Source source);
  ~GunzipStream();
  GunzipStream(const GunzipStream&) = delete;
  GunzipStream& operator=(const GunzipStream&) = delete;

  // The next unpacked bytes, valid until the next call; empty at the end. DataLoss if the file is
  // damaged or cut short; every later call returns the same error.
  absl::StatusOr<absl::string_view> Next();

 private:
  // Sees to it that there is input; false at the end of the file.
  absl::StatusOr<bool> Refill();
  absl::StatusOr<absl::string_view> Inflate();

  Source source_;
  std::unique_ptr<z_stream_s> zlib_;
  std::string piece_;
  bool within_member_ = false;
  absl::Status status_;
};

// All of `packed`. DataLoss as above, ResourceExhausted if it unpacks to more than `most` bytes.
absl::StatusOr<std::string> Gunzip(absl::string_view packed, uint64_t most);

}  // namespace tributary
