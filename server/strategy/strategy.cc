#include "server/strategy/strategy.h"

#include "server/strategy/complementary.h"
#include "server/strategy/plain.h"

namespace tributary {

absl::StatusOr<std::unique_ptr<Strategy>> StrategyFor(const RunConfig& config) {
  if (config.method == Method::kCreamFl) {
    return absl::InvalidArgumentError(
        "method \"creamfl\" is not part of this version; use fedavg, fedprox, fediot or fedcola");
  }
  // Complementary layers are a key of their own, which any method may set.
  if (config.local.complementary != ComplementaryLayers::kNone) {
    return std::make_unique<ComplementaryStrategy>();
  }
  return std::make_unique<PlainStrategy>();
}

}  // namespace tributary
