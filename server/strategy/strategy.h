// Strategy: what a method adds on the coordinator's side beyond the settings of aggregation.
//
// A method is a preset of run-file keys (common/config/method_presets.h) and, where it keeps or
// computes something of its own between rounds, a Strategy. Adding one: a file here, a row in the
// table of StrategyFor().
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/registry/run_context.h"
#include "server/store/run_store.h"

namespace tributary {

class Strategy {
 public:
  virtual ~Strategy() = default;

  // Completes the models of a new run, of which the globals are drawn.
  virtual absl::Status Begin(const RunContext& context, ModelSet* models) const = 0;
  // After the globals of a round were merged, before they are evaluated and committed.
  virtual absl::Status AfterAggregation(const RunContext& context, ModelSet* models) const = 0;
};

// The strategy for `config`. InvalidArgument for a method that this version cannot run.
absl::StatusOr<std::unique_ptr<Strategy>> StrategyFor(const RunConfig& config);

}  // namespace tributary
