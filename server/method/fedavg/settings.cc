#include "server/method/fedavg/settings.h"

namespace tributary {

const MethodCard& FedAvgCard() {
  static const auto* const kCard =
      new MethodCard{.word = "fedavg",
                     .shares = "everything, among a dataset's own clients",
                     .adds = "nothing",
                     .costs = "-"};
  return *kCard;
}

}  // namespace tributary
