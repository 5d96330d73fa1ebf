// The daemon's log: lines on standard error, for a person or as one JSON object each.
#pragma once

#include <memory>
#include <string>

#include <spdlog/logger.h>

namespace tributary {

// Human: "2026-01-31 14:02:07.123 warn  site-3: message". JSON: {"time", "level", "client",
// "message"}, time as RFC 3339 in UTC. Thread-safe; each line is flushed.
std::shared_ptr<spdlog::logger> MakeLog(const std::string& client, bool json);

}  // namespace tributary
