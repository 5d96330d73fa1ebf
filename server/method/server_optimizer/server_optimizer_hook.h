// ServerOptimizerHook: in place of the merged globals, a step of an optimizer along merged -
// before.
//
// Composes with every method, since it takes what their merge gives, whatever the coefficients, and
// what they do afterwards (auxiliary weights, distillation) starts from the stepped globals. Acts
// on the plain parameters of every target. A parameter to which no update of the round contributed
// keeps its value and its moments: that nobody came says nothing about its gradient.
//
// State: by target, `m.NAME` and, but for momentum, `v.NAME`, both of the parameter's shape.
#pragma once

#include "server/method/method_hook.h"
#include "server/method/server_optimizer/optimizer_step.h"

namespace tributary {

class ServerOptimizerHook : public MethodHook {
 public:
  explicit ServerOptimizerHook(const FedOptConfig& settings) : settings_(settings) {}

  Needs needs() const override { return {.old_globals = true, .changes_globals = true}; }
  absl::Status Begin(const RunContext& context, ModelSet* models) const override;
  // Internal names the parameter that gets a value which is not finite.
  absl::Status AfterMerge(const RunContext& context, const RoundOutcome& outcome,
                          ModelSet* models) const override;

 private:
  const FedOptConfig settings_;
};

}  // namespace tributary
