#include "server/method/fedcola/settings.h"

namespace tributary {

const MethodCard& FedColaCard() {
  static const auto* const kCard = new MethodCard{
      .word = "fedcola",
      .shares =
          "attention layers, with every client that holds the modality; the rest as FedAvg, "
          "in steps of the same size",
      .adds =
          "uni-modal clients: the other modality's block weights behind a gate in each linear "
          "layer",
      .costs = "the other modality's blocks down (uni-modal clients); W + g A in each step",
      .preset = [](RunConfig* config) {
        config->aggregation.share = Share::kAttn;
        config->aggregation.scope = Scope::kModality;
        config->aggregation.compensation = true;
        config->local.complementary = ComplementaryLayers::kAll;
        config->local.aux_trained = true;
      }};
  return *kCard;
}

}  // namespace tributary
