// FedProx: FedAvg with a proximal term in local training. Li et al., "Federated Optimization in
// Heterogeneous Networks", MLSys 2020. The term's keys are [fedprox], which any method may set.
#pragma once

#include "common/config/method_card.h"

namespace tributary {

const MethodCard& FedProxCard();

}  // namespace tributary
