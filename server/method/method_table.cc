#include "server/method/method_table.h"

#include "server/method/creamfl/settings.h"
#include "server/method/fedavg/settings.h"
#include "server/method/fedcola/settings.h"
#include "server/method/fediot/settings.h"
#include "server/method/fednova/settings.h"
#include "server/method/fedprox/settings.h"
#include "server/method/scaffold/settings.h"

namespace tributary {

const MethodTable& Methods() {
  static const auto* const kMethods =
      new MethodTable{.cards = {&FedAvgCard(), &FedProxCard(), &ScaffoldCard(), &FedNovaCard(),
                                &FedIoTCard(), &CreamFlCard(), &FedColaCard()},
                      .by_default = &FedColaCard()};
  return *kMethods;
}

}  // namespace tributary
