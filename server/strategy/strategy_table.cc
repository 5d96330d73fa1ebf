#include "server/strategy/strategy_table.h"

#include <utility>

#include "server/method/creamfl/settings.h"
#include "server/strategy/complementary.h"
#include "server/strategy/creamfl.h"
#include "server/strategy/plain.h"

namespace tributary {

std::unique_ptr<Strategy> StrategyFor(const RunConfig& config,
                                      std::shared_ptr<const Samples> public_samples) {
  if (config.method == &CreamFlCard()) {
    return std::make_unique<CreamFlStrategy>(std::move(public_samples));
  }
  // Complementary layers are a key of their own, which any other method may set.
  if (config.local.complementary != ComplementaryLayers::kNone) {
    return std::make_unique<ComplementaryStrategy>();
  }
  return std::make_unique<PlainStrategy>();
}

}  // namespace tributary
