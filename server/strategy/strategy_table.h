// Which strategy serves which method.
#pragma once

#include <memory>

#include "common/config/run_config.h"
#include "server/strategy/strategy.h"

namespace tributary {

class Samples;

// The strategy for `config`. `public_samples`: CreamFL's public set (common/train/shard_samples.h);
// null for other methods.
std::unique_ptr<Strategy> StrategyFor(const RunConfig& config,
                                      std::shared_ptr<const Samples> public_samples);

}  // namespace tributary
