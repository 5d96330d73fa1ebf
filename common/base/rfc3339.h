// Times in JSON: RFC 3339 in UTC with milliseconds, "2026-01-31T14:02:07.123Z".
#pragma once

#include <string>

#include "absl/time/time.h"

namespace tributary {

inline std::string Rfc3339(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

}  // namespace tributary
