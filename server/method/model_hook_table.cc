#include "server/method/model_hook_table.h"

#include <utility>

#include "server/method/creamfl/distillation_hook.h"
#include "server/method/creamfl/settings.h"
#include "server/method/hook_table.h"

namespace tributary {

MethodHooks HooksWithModels(const RunConfig& config,
                            std::shared_ptr<const Samples> public_samples) {
  MethodHooks hooks = HooksOf(config);
  if (config.method == &CreamFlCard()) {
    hooks.Append(std::make_unique<DistillationHook>(std::move(public_samples)));
  }
  return hooks;
}

}  // namespace tributary
