#include "server/method/fedprox/settings.h"

namespace tributary {

const MethodCard& FedProxCard() {
  static const auto* const kCard =
      new MethodCard{.word = "fedprox",
                     .shares = "as FedAvg",
                     .adds = "mu / 2 times the squared distance from the global model",
                     .costs = "one pass over the weights in each step",
                     .preset = [](RunConfig* config) { config->local.proximal_mu = 0.001; }};
  return *kCard;
}

}  // namespace tributary
