// Which hooks a run's settings call for, apart from those that compute with models
// (model_hook_table.h). Needs no LibTorch.
#pragma once

#include "common/config/run_config.h"
#include "server/method/method_hooks.h"

namespace tributary {

MethodHooks HooksOf(const RunConfig& config);

}  // namespace tributary
