#include "common/rpc/protocol.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace tributary {

absl::Status CheckProtocol(uint32_t version, absl::string_view peer) {
  if (version >= kOldestProtocolVersion && version <= kProtocolVersion) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      peer, " speaks protocol version ", version, ", this side understands ",
      kOldestProtocolVersion, " to ", kProtocolVersion, ": update ",
      version < kOldestProtocolVersion ? std::string(peer) : std::string("this side")));
}

absl::Status CheckClientName(absl::string_view name) {
  const bool characters = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
  });
  if (characters && !name.empty() && name.size() <= kMostClientNameBytes && name != "." &&
      name != "..") {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      // Escaped and cut: the name comes from a peer and goes into logs.
      absl::StrCat("client name \"", absl::CEscape(name.substr(0, 2 * kMostClientNameBytes)),
                   "\" is not allowed: use 1 to ", kMostClientNameBytes,
                   " of the characters A-Z a-z 0-9 . _ -"));
}

}  // namespace tributary
