// All hooks that a run's settings call for, those among them that compute with models.
#pragma once

#include <memory>

#include "common/config/run_config.h"
#include "server/method/method_hooks.h"

namespace tributary {

class Samples;

// `public_samples`: of the public set (common/train/shard_samples.h); null where the run has none.
MethodHooks HooksWithModels(const RunConfig& config, std::shared_ptr<const Samples> public_samples);

}  // namespace tributary
