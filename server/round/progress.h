// What a run is doing at a moment, as plain data: for status and for `progress` events.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "absl/types/span.h"
#include "server/registry/client_registry.h"
#include "server/round/round_state.h"
#include "server/store/run_control.h"

namespace tributary {

// A moment of a run, for status and progress.
struct RunSnapshot {
  int round = 0;
  int rounds = 0;  // of the run, which an operator may have changed; 0: the run file's
  Phase phase = Phase::kWaiting;
  std::string waiting;  // for what, in words, and until when
  uint64_t bytes_up = 0;
  uint64_t bytes_down = 0;
  std::map<std::string, TaskState> tasks;  // of the cohort
  std::optional<OperatorMark> paused = std::nullopt;
  std::map<std::string, OperatorMark> evicted = {};  // by client
  // Of the last committed round, and of the last evaluated one; null before.
  nlohmann::json loss = nullptr, metrics = nullptr;
  double seconds_left = 0;  // for the rounds that are left; 0: no estimate yet
};

// The data of a `progress` event; see docs/events.md. Of more than 64 clients the idle ones are
// left out: the event is sent twice a second.
nlohmann::json ProgressJson(const RunSnapshot& snapshot, absl::Span<const ClientInfo> known);

}  // namespace tributary
