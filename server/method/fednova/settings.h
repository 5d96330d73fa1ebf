// FedNova: FedAvg with each update divided by its number of local steps. Wang et al., "Tackling the
// Objective Inconsistency Problem in Heterogeneous Federated Optimization", NeurIPS 2020.
#pragma once

#include "common/config/method_card.h"

namespace tributary {

const MethodCard& FedNovaCard();

}  // namespace tributary
