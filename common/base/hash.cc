#include "common/base/hash.h"

#include <array>
#include <cerrno>
#include <fstream>
#include <vector>

#include <openssl/evp.h>
#if defined(__x86_64__)
#include <xxh_x86dispatch.h>  // picks the widest registers at run time; the hash is the same
#else
#include <xxhash.h>
#endif

#include "absl/strings/escaping.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

template <typename Hash>
absl::Status AddFile(const std::string& path, Hash* hash) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoStatus(errno, path);
  // The last read is short: it sets failbit, and gcount() says how much there was.
  std::vector<char> buffer(1 << 20);
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
         file.gcount() > 0) {
    hash->Add(absl::string_view(buffer.data(), static_cast<size_t>(file.gcount())));
  }
  if (file.bad()) return ErrnoStatus(EIO, path);
  return absl::OkStatus();
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  EVP_DigestInit_ex(context_, EVP_sha256(), nullptr);
}

Sha256::~Sha256() { EVP_MD_CTX_free(context_); }

void Sha256::Add(const void* data, size_t size) { EVP_DigestUpdate(context_, data, size); }

std::string Sha256::Hex() && {
  std::array<char, 32> digest;
  EVP_DigestFinal_ex(context_, reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  return absl::BytesToHexString(absl::string_view(digest.data(), digest.size()));
}

std::string Sha256Hex(absl::string_view bytes) {
  Sha256 hash;
  hash.Add(bytes);
  return std::move(hash).Hex();
}

absl::StatusOr<std::string> Sha256OfFile(const std::string& path) {
  Sha256 hash;
  RETURN_IF_ERROR(AddFile(path, &hash));
  return std::move(hash).Hex();
}

uint64_t Checksum(const void* data, size_t size) { return XXH3_64bits(data, size); }

ChecksumOfPieces::ChecksumOfPieces() : state_(XXH3_createState()) { XXH3_64bits_reset(state_); }

ChecksumOfPieces::~ChecksumOfPieces() { XXH3_freeState(state_); }

void ChecksumOfPieces::Add(absl::string_view bytes) {
  XXH3_64bits_update(state_, bytes.data(), bytes.size());
}

uint64_t ChecksumOfPieces::Value() const { return XXH3_64bits_digest(state_); }

absl::StatusOr<uint64_t> ChecksumOfFile(const std::string& path) {
  ChecksumOfPieces checksum;
  RETURN_IF_ERROR(AddFile(path, &checksum));
  return checksum.Value();
}

}  // namespace tributary
