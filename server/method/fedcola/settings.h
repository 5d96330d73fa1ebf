// FedCola: attention layers are averaged over all clients that hold the modality, and uni-modal
// clients train with the other modality's blocks beside their own. Source: docs/algorithm.md
// sections 3 and 4; FedCola, arXiv 2404.12467.
#pragma once

#include "common/config/method_card.h"

namespace tributary {

const MethodCard& FedColaCard();

}  // namespace tributary
