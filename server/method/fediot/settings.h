// FedIoT: transformer blocks are averaged over all clients that hold the modality, pair clients
// with a larger weight. Source: docs/algorithm.md section 4.
#pragma once

#include "common/config/method_card.h"

namespace tributary {

const MethodCard& FedIoTCard();

}  // namespace tributary
