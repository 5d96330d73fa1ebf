// RoundStateStore: what a client's work in one round leaves for its next one, on its disk.
//
//   <run>-<round>.safetensors   what the update of that round left behind
//
// It counts only if that update became part of new globals, which the coordinator tells with the
// next task (Task.merged_round): what an update left that was never used must not be built upon.
// Two rounds of one run are kept: the last whose update was merged, since a round that is trained
// again must start from the same state, and the last that was trained, which may be merged yet.
// How long those of earlier runs stay: state_folder.h.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/tensor/state_dict.h"

namespace tributary {

// Used by one thread.
class RoundStateStore {
 public:
  // `folder` is created when it is needed.
  explicit RoundStateStore(std::string folder) : folder_(std::move(folder)) {}

  // What the update of `round` left. NotFound if there is nothing; DataLoss or another error if it
  // cannot be read.
  absl::StatusOr<StateDict> Load(const std::string& run_id, uint32_t round) const;
  // Keeps what the update of `round` leaves, and of the others only that of `merged_round`.
  absl::Status Save(const std::string& run_id, uint32_t round, uint32_t merged_round,
                    const StateDict& state);
  void Drop(const std::string& run_id, uint32_t round);
  void DropAll();

 private:
  std::string PathOf(const std::string& run_id, uint32_t round) const;

  const std::string folder_;
};

}  // namespace tributary
