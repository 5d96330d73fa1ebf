// RunView: turns a run's events into the text that a person sees.
//
// Apply() takes the coordinator's events (docs/events.md); Lines() and the tables are text. Nothing
// here depends on terminals or processes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/time/time.h"

namespace tributary {

class RunView {
 public:
  explicit RunView(absl::Time began) : began_(began) {}

  // Takes an event; returns the line to print for it where there is no terminal, empty for most.
  std::string Apply(const nlohmann::json& event);

  // The block to paint in place: round and phase, a bar, a line per client, the last losses and
  // metrics, times. At most `most` lines, at least 7: where that is too few for all clients, those
  // at work and those that are absent come first, and one line counts the others.
  std::vector<std::string> Lines(absl::Time now,
                                 size_t most = std::numeric_limits<size_t>::max()) const;

  bool finished() const { return finished_; }
  // Why the run failed or the coordinator refused to start; empty if it did not.
  const std::string& error() const { return error_; }
  // Of the coordinator; empty until it listens.
  const std::string& address() const { return address_; }
  // result.json's content, once finished.
  const nlohmann::json& result() const { return result_; }

 private:
  std::vector<std::string> ClientLines(size_t most) const;
  std::string CommittedLine(const nlohmann::json& data);

  const absl::Time began_;
  absl::Time first_round_ = absl::InfiniteFuture();
  int first_round_number_ = 0;
  int round_ = 0, rounds_ = 0;
  uint64_t bytes_up_ = 0, bytes_down_ = 0;
  std::string method_, phase_ = "starting", waiting_, address_, error_, last_losses_, last_metrics_;
  std::map<std::string, nlohmann::json> clients_;
  bool finished_ = false;
  nlohmann::json result_;
};

// "12.3 MB"
std::string FormatBytes(uint64_t bytes);

// The table at the end of a run.
std::string ResultTable(const nlohmann::json& result);

}  // namespace tributary
