// SCAFFOLD: FedAvg with control variates, which correct local training of clients whose data
// differ. The key `local.control_variates`, which any method may set, is its preset. Karimireddy et
// al., "SCAFFOLD: Stochastic Controlled Averaging for Federated Learning", ICML 2020.
#pragma once

#include "common/config/method_card.h"

namespace tributary {

const MethodCard& ScaffoldCard();

}  // namespace tributary
