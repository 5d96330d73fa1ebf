// ModelDownloads: what a pull needs of whatever hands models out: a round that trains (LiveRound)
// or one that evaluates (EvaluationRound). Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/codec/encoded_state.h"
#include "server/round/round_timings.h"

namespace tributary {

class ModelDownloads {
 public:
  virtual ~ModelDownloads() = default;

  // The model that `client` is to work on; differences from `held_version` (0: nothing), if that is
  // what it holds and there are any. NotFound if nothing is asked of the client; FailedPrecondition
  // if it comes too late; OutOfRange if the model has fewer than `first_chunk` chunks.
  virtual absl::StatusOr<std::shared_ptr<const EncodedState>> Download(
      const std::string& client, uint64_t held_version, uint32_t first_chunk) const = 0;
  // So many bytes were sent.
  virtual void CountDown(uint64_t bytes) = 0;
  // The time that models are under way.
  virtual WallSpan& send() = 0;
};

}  // namespace tributary
