// The wire contract's version, and the rules for names that both sides check.
//
// The coordinator talks to clients of this release and of the one before; a client talks to a
// coordinator that answers with a version it knows. What changes the meaning of a message raises
// kProtocolVersion; a new optional field does not.
//
// Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace tributary {

inline constexpr uint32_t kProtocolVersion = 1;
inline constexpr uint32_t kOldestProtocolVersion = 1;

inline constexpr size_t kMostClientNameBytes = 64;

// OK if a peer that speaks `version` is understood. Otherwise FailedPrecondition that names `peer`
// ("client site-3", "coordinator"), its version, the versions understood here, and which side to
// update.
absl::Status CheckProtocol(uint32_t version, absl::string_view peer);

// OK for [A-Za-z0-9._-]{1,64} that is neither "." nor "..": the name is also used for files and in
// certificates. Otherwise InvalidArgument that quotes the name.
absl::Status CheckClientName(absl::string_view name);

}  // namespace tributary
