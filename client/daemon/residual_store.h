// ResidualStore: the residuals of a client's updates on its disk. A residual is what a lossy codec
// took away from an update; it is added to a later one (error feedback).
//
//   <run>-<round>.safetensors   the residual of that round's update, without the tensors that lose
//                               nothing
//
// Two rounds of one run are kept. One is the last round whose update was merged: a round that is
// trained again must start from the same residual. The other is the last round that was trained,
// whose update may still be merged. Task.merged_round names the merged one. The residual of an
// update that was never merged is dropped, since the update itself had no effect.
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

  // Adds the residual of `merged_round` to `delta`; 0 adds nothing. A residual that is damaged or
  // of another model is deleted with a warning, and nothing is added.
  void AddTo(const std::string& run_id, uint32_t merged_round, StateDict* delta);
  // Keeps the residual of `round`, and of the others only that of `merged_round`.
  absl::Status Save(const std::string& run_id, uint32_t round, uint32_t merged_round,
                    const StateDict& residual);
  void DropAll();

 private:
  std::string PathOf(const std::string& run_id, uint32_t round) const;

  const std::string folder_;
  const std::shared_ptr<spdlog::logger> log_;
};

}  // namespace tributary
