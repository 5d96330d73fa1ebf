// FedAvg: each dataset's own clients, weighted by their samples. McMahan et al.,
// "Communication-Efficient Learning of Deep Networks from Decentralized Data", AISTATS 2017.
#pragma once

#include "common/config/method_card.h"

namespace tributary {

const MethodCard& FedAvgCard();

}  // namespace tributary
