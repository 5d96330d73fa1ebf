// FedCola's complementary training: keeps the auxiliary weights that uni-modal clients download
// beside their global. Source: algorithm.md section 3, "Complementary training".
#pragma once

#include "server/strategy/strategy.h"

namespace tributary {

class ComplementaryStrategy : public Strategy {
 public:
  absl::Status Begin(const RunContext& context, ModelSet* models) const override;
  bool ChangesGlobals() const override { return false; }
  absl::Status AfterAggregation(const RunContext& context, const RoundOutcome& outcome,
                                ModelSet* models) const override;
};

}  // namespace tributary
