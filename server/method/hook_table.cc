#include "server/method/hook_table.h"

#include <memory>

#include "server/method/fedcola/complementary_hook.h"
#include "server/method/fednova/step_normalisation_hook.h"
#include "server/method/scaffold/control_variates_hook.h"
#include "server/method/server_optimizer/server_optimizer_hook.h"

namespace tributary {

MethodHooks HooksOf(const RunConfig& config) {
  MethodHooks hooks;
  // First: the others go on from the globals that it steps to.
  if (config.fedopt.optimizer != ServerOptimizer::kNone) {
    hooks.Append(std::make_unique<ServerOptimizerHook>(config.fedopt));
  }
  if (config.aggregation.normalize_steps) {
    hooks.Append(std::make_unique<StepNormalisationHook>(config.local.epochs, config.local.batch));
  }
  if (config.local.control_variates) hooks.Append(std::make_unique<ControlVariatesHook>());
  if (config.local.complementary != ComplementaryLayers::kNone) {
    hooks.Append(std::make_unique<ComplementaryHook>());
  }
  return hooks;
}

}  // namespace tributary
