// SHA-256 to identify content (models, manifests, data); XXH3-64 to find damage in transit or on
// disk, which takes much less time (SHA-256 was half of a commit) and does not protect from intent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct evp_md_ctx_st;
struct XXH3_state_s;

namespace tributary {

// SHA-256 of what is added, in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Add(const void* data, size_t size);
  void Add(absl::string_view text) { Add(text.data(), text.size()); }
  // Lower-case hex, 64 characters. Consumes the hash.
  std::string Hex() &&;

 private:
  evp_md_ctx_st* context_;
};

std::string Sha256Hex(absl::string_view bytes);
// SHA-256 of a file's bytes; NotFound or another error if it cannot be read.
absl::StatusOr<std::string> Sha256OfFile(const std::string& path);

// XXH3-64, seed 0.
uint64_t Checksum(const void* data, size_t size);
inline uint64_t Checksum(absl::string_view bytes) { return Checksum(bytes.data(), bytes.size()); }

// The checksum of the bytes added so far, in pieces of any size.
class ChecksumOfPieces {
 public:
  ChecksumOfPieces();
  ~ChecksumOfPieces();
  ChecksumOfPieces(const ChecksumOfPieces&) = delete;
  ChecksumOfPieces& operator=(const ChecksumOfPieces&) = delete;

  void Add(absl::string_view bytes);
  uint64_t Value() const;

 private:
  XXH3_state_s* state_;
};

// The checksum of a file's bytes; NotFound or another error if it cannot be read.
absl::StatusOr<uint64_t> ChecksumOfFile(const std::string& path);

}  // namespace tributary
