// A live round by hand, of two clients `a` and `b` of dataset `words`, for tests of who talks to
// one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/simulated_clock.h"
#include "common/codec/encoded_state.h"
#include "server/round/live_round.h"
#include "tests/scratch_folder.h"

namespace tributary {

class TinyRound {
 public:
  static StateDict Global() {
    StateDict global;
    Tensor tensor = Tensor::Zeros({60, 100});
    for (size_t i = 0; i < tensor.values.size(); ++i) tensor.values[i] = static_cast<float>(i);
    EXPECT_TRUE(global.Add("w", std::move(tensor)).ok());
    return global;
  }
  // What a client downloads, and what it may push: some chunks.
  static std::shared_ptr<const EncodedState> Encoded() {
    return EncodedState::Encode(Global(), Codec::kF32, 1 << 12, 1);
  }

  // `spool_bytes`: memory for uploads.
  std::shared_ptr<LiveRound> Open(int round, int attempt = 0, int64_t spool_bytes = 1 << 20) {
    RoundOptions options;
    options.round = round;
    options.attempt = attempt;
    options.deadline = absl::InfiniteFuture();
    options.cohort = {{"a", "words", Modality::kText, 10}, {"b", "words", Modality::kText, 30}};
    options.downloads["words"].whole = Encoded();
    options.aggregator = std::make_unique<Aggregator>(
        std::vector<Target>{{"words", Modality::kText, Manifest::Of(Global())}}, options.cohort,
        AggregationConfig());
    options.spool_folder = scratch_.path();
    options.spool_budget = std::make_shared<SpoolBudget>(spool_bytes);
    options.clock = &clock_;
    options.events = &events_;
    return std::make_shared<LiveRound>(std::move(options), [] {});
  }

  SimulatedClock& clock() { return clock_; }
  EventLog* log() { return log_.get(); }

 private:
  SimulatedClock clock_{absl::FromUnixSeconds(1000)};
  std::unique_ptr<EventLog> log_ = *EventLog::Open("", &clock_);
  RunEvents events_{log_.get()};
  const ScratchFolder scratch_;
};

}  // namespace tributary
