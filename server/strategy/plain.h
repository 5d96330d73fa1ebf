// FedAvg, FedProx, FedIoT: nothing beyond the merged globals.
#pragma once

#include "server/strategy/strategy.h"

namespace tributary {

class PlainStrategy : public Strategy {
 public:
  absl::Status Begin(const RunContext&, ModelSet*) const override { return absl::OkStatus(); }
  bool ChangesGlobals() const override { return false; }
  absl::Status AfterAggregation(const RunContext&, const RoundOutcome&, ModelSet*) const override {
    return absl::OkStatus();
  }
};

}  // namespace tributary
