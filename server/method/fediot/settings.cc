#include "server/method/fediot/settings.h"

namespace tributary {

const MethodCard& FedIoTCard() {
  static const auto* const kCard = new MethodCard{
      .word = "fediot",
      .shares = "transformer blocks, with every client that holds the modality; the rest as FedAvg",
      .adds = "nothing",
      .costs = "nothing",
      .preset = [](RunConfig* config) {
        config->aggregation.share = Share::kBlocks;
        config->aggregation.scope = Scope::kModalityExact;
        config->aggregation.pair_weight = 100;
      }};
  return *kCard;
}

}  // namespace tributary
