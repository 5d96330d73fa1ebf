// DistillationHook: CreamFL on the coordinator. Representations of a public set, in place of
// weights, tie the pair global to the uni-modal clients.
//
//   before a round   the pair global's representations of the public set go to the clients, as
//                    auxiliary tensors of the ModelSet
//   in a round       clients contrast their representations with those, and upload them
//   after it         the clients' representations are merged, each sample's by how well they agree
//                    with the other modality's; the pair global is distilled from the result
//
// Sources: docs/algorithm.md section 4, "CreamFL"; Yu et al., "Multimodal Federated Learning via
// Contrastive Representation Ensemble", ICLR 2023.
#pragma once

#include <memory>

#include "server/method/method_hook.h"

namespace tributary {

class Samples;

class DistillationHook : public MethodHook {
 public:
  // `public_samples`: pairs, at least one.
  explicit DistillationHook(std::shared_ptr<const Samples> public_samples);

  Needs needs() const override { return {.changes_globals = true}; }
  absl::Status Begin(const RunContext& context, ModelSet* models) const override;
  absl::Status AfterMerge(const RunContext& context, const RoundOutcome& outcome,
                          ModelSet* models) const override;

 private:
  const std::shared_ptr<const Samples> public_samples_;
};

}  // namespace tributary
