// Unpacks a single gzip file (RFC 1952) in memory.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace tributary {

bool IsGzip(absl::string_view bytes);

// All members of `packed`, one after the other. DataLoss if it is damaged or cut short,
// ResourceExhausted if it unpacks to more than `most` bytes.
absl::StatusOr<std::string> Gunzip(absl::string_view packed, uint64_t most);

}  // namespace tributary
