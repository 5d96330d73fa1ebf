// ResidualStore: the residuals of a client's updates on its disk. A residual is what a lossy codec
// took away from an update; it is added to a later one (error feedback), without the tensors that
// lose nothing. The residual of an update that was never merged is dropped, since the update itself
// had no effect: see round_state_store.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <spdlog/logger.h>

#include "absl/status/status.h"
#include "client/daemon/round_state_store.h"
#include "common/tensor/state_dict.h"

namespace tributary {

// Used by one thread.
class ResidualStore {
 public:
  // `folder` is created when it is needed.
  ResidualStore(std::string folder, std::shared_ptr<spdlog::logger> log)
      : rounds_(std::move(folder)), log_(std::move(log)) {}

  // Adds the residual of `merged_round` to `delta`; 0 adds nothing. A residual that is damaged or
  // of another model is deleted with a warning, and nothing is added.
  void AddTo(const std::string& run_id, uint32_t merged_round, StateDict* delta);
  // Keeps the residual of `round`, and of the others only that of `merged_round`.
  absl::Status Save(const std::string& run_id, uint32_t round, uint32_t merged_round,
                    const StateDict& residual) {
    return rounds_.Save(run_id, round, merged_round, residual);
  }
  void DropAll() { rounds_.DropAll(); }

 private:
  RoundStateStore rounds_;
  const std::shared_ptr<spdlog::logger> log_;
};

}  // namespace tributary
