// ResidualStore: what lossy codecs took away from a client's updates, on its disk, to be added to
// its next one (error feedback).
//
//   <run>-<round>.safetensors   what the update of that round lost; tensors that lose nothing are
//   not in it
//
// Two rounds of one run are kept: the last one whose update was merged, since a round that is
// trained again must start from the same residual, and the last one that was trained, which may be
// merged yet. The coordinator tells which was merged (Task.merged_round): what an update lost that
// was never used is not added to anything.
#pragma once

#include <cstdint>
#include <string>

#include <spdlog/logger.h>

#include "absl/status/status.h"
#include "common/tensor/state_dict.h"

namespace tributary {

// Used by one thread.
class ResidualStore {
 public:
  // `folder` is created when it is needed.
  ResidualStore(std::string folder, std::shared_ptr<spdlog::logger> log)
      : folder_(std::move(folder)), log_(std::move(log)) {}

  // Adds to `delta` what the update of `merged_round` lost (0: nothing). A residual that is damaged
  // or of another model is deleted with a warning; nothing is added then.
  void AddTo(const std::string& run_id, uint32_t merged_round, StateDict* delta);
  // Keeps what the update of `round` loses, and of the others only that of `merged_round`.
  absl::Status Save(const std::string& run_id, uint32_t round, uint32_t merged_round,
                    const StateDict& residual);
  void DropAll();

 private:
  std::string PathOf(const std::string& run_id, uint32_t round) const;

  const std::string folder_;
  const std::shared_ptr<spdlog::logger> log_;
};

}  // namespace tributary
