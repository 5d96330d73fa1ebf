// ComplementaryHook: FedCola's complementary training. Keeps the auxiliary weights that uni-modal
// clients download beside their global.
//
// They are auxiliary tensors of the ModelSet, by dataset: in the beginning each layer's own initial
// weight, after each round the other modality's new weight of the same layer.
// Source: docs/algorithm.md section 3, "Complementary training".
#pragma once

#include "server/method/method_hook.h"

namespace tributary {

class ComplementaryHook : public MethodHook {
 public:
  absl::Status Begin(const RunContext& context, ModelSet* models) const override;
  absl::Status AfterMerge(const RunContext& context, const RoundOutcome& outcome,
                          ModelSet* models) const override;
};

}  // namespace tributary
