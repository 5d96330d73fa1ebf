// All methods: the one table that names them. Needs no LibTorch.
#pragma once

#include "common/config/method_card.h"

namespace tributary {

// What `method` may be in a run file.
const MethodTable& Methods();

}  // namespace tributary
