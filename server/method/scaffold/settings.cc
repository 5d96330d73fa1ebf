#include "server/method/scaffold/settings.h"

namespace tributary {

const MethodCard& ScaffoldCard() {
  static const auto* const kCard = new MethodCard{
      .word = "scaffold",
      .shares = "as FedAvg; besides, control variates among a dataset's own clients",
      .adds = "each gradient is corrected by the clients' mean gradient less this client's own",
      .costs =
          "the model's size once more down and up; two models of memory on the client, the "
          "whole word table in training",
      .preset = [](RunConfig* config) { config->local.control_variates = true; }};
  return *kCard;
}

}  // namespace tributary
