// WatchScreen: what `tributary watch` paints on a terminal: the run as `tributary run` shows it,
// and below it the last events with their dates. Nothing here depends on terminals or the network.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "tool/run/run_view.h"

namespace tributary {

// "2026-01-31 14:02:07 message", in local time.
std::string DatedLine(absl::Time when, const std::string& message);

class WatchScreen {
 public:
  // Takes an event, as docs/events.md describes it.
  void Take(const nlohmann::json& event);
  // The screen at `now`: at most `rows` lines, at least 10.
  std::vector<std::string> Lines(absl::Time now, size_t rows) const;

 private:
  std::optional<RunView> view_;    // from the first event on
  std::deque<std::string> lines_;  // the last ones
};

}  // namespace tributary
