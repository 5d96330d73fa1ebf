// CreamFL on the coordinator: representations of a public set, in place of weights, tie the pair
// global to the uni-modal clients.
//
//   before a round   the pair global's representations of the public set go to the clients
//   after it         the clients' representations are merged, each sample's by how well they agree
//                    with the other modality's; the pair global is distilled from the result
//
// Sources: algorithm.md section 4, "CreamFL"; Yu et al., "Multimodal Federated Learning via
// Contrastive Representation Ensemble", ICLR 2023.
#pragma once

#include <memory>

#include "server/strategy/strategy.h"

namespace tributary {

class Samples;

class CreamFlStrategy : public Strategy {
 public:
  // `public_samples`: pairs, at least one.
  explicit CreamFlStrategy(std::shared_ptr<const Samples> public_samples);

  // The auxiliary part of `models` holds the representations that each dataset's clients download.
  absl::Status Begin(const RunContext& context, ModelSet* models) const override;
  bool ChangesGlobals() const override { return true; }
  absl::Status AfterAggregation(const RunContext& context, const RoundOutcome& outcome,
                                ModelSet* models) const override;

 private:
  const std::shared_ptr<const Samples> public_samples_;
};

}  // namespace tributary
