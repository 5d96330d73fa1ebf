// ResidualStore: what lossy codecs took away from a client's updates, on its disk, to be added to
// its next one (error feedback).
//
//   <run>-<round>.safetensors   what the update of that round lost; tensors that lose nothing are
//   not
//                               in it
//
// The two latest rounds of one run are kept: a round that is trained again after a restart starts
// from the same residual as before.
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

  // Adds to `delta` what the latest update of `run_id` before `round` lost. A residual that is
  // damaged or of another model is deleted with a warning; nothing is added then.
  void AddTo(const std::string& run_id, uint32_t round, StateDict* delta);
  // Keeps what the update of `round` loses.
  absl::Status Save(const std::string& run_id, uint32_t round, const StateDict& residual);
  // Forgets it: the update is not used.
  void Drop(const std::string& run_id, uint32_t round);
  void DropAll();

 private:
  std::string PathOf(const std::string& run_id, uint32_t round) const;

  const std::string folder_;
  const std::shared_ptr<spdlog::logger> log_;
};

}  // namespace tributary
