// Strategy: what a method adds on the coordinator's side beyond the settings of aggregation.
//
// A method is a preset of run-file keys (its card in server/method/<name>/settings.h) and, where it
// keeps or computes something of its own between rounds, a Strategy. Adding one: a file here, a row
// in strategy_table.cc.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/registry/run_context.h"
#include "server/store/run_store.h"

namespace tributary {

// What a round leaves to its method beside the merged globals.
struct RoundOutcome {
  struct Update {
    std::string client;
    Modality modality = Modality::kImage;
    StateDict representations;  // empty where the method has none
  };
  int round = 0;
  std::vector<Update> updates;  // in increasing order of client
};

class Strategy {
 public:
  virtual ~Strategy() = default;

  // Completes the models of a new run, of which the globals are drawn.
  virtual absl::Status Begin(const RunContext& context, ModelSet* models) const = 0;
  // Whether AfterAggregation() may change the globals: if not, they are written while it works.
  virtual bool ChangesGlobals() const = 0;
  // After the globals of a round were merged, before they are evaluated and committed.
  virtual absl::Status AfterAggregation(const RunContext& context, const RoundOutcome& outcome,
                                        ModelSet* models) const = 0;
};

}  // namespace tributary
