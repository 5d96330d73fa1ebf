// MethodHook: what a method does in a run beyond the keys that it presets.
//
// A run has a list of hooks (method_hooks.h), each called in the list's order. In the life of a
// run:
//
//   once         needs()          what the hook costs every round
//   new run      Begin()          completes the models of round 0: the hook's own state, and what
//                                 clients download beside their global
//   each round   AdjustPlan()     coefficients beyond what aggregation's keys say; again when it is
//                                 known who reported
//                SummedWeight()   of tensors that clients upload beside the weights
//                CheckReport()    of each update, before any of its values is taken
//                AfterMerge()     the globals are merged, and neither evaluated nor committed
//
// A hook is immutable: all that it keeps from round to round is in the ModelSet (state, auxiliary),
// which is committed with the round in one transaction, checksummed and loaded as the globals are.
// So a crash at any instant goes on from the last commit and ends in the same bits, as long as a
// hook computes from its arguments alone: no clock, no randomness but named streams, no order of
// arrival. Settings that its results depend on belong to the run's fingerprint.
//
// Begin() and AfterMerge() are called by the coordinator's thread, the others by any. An error that
// they return ends the run, whose last commit stands; that of CheckReport() refuses one update.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/aggregation/plan.h"
#include "server/registry/run_context.h"
#include "server/store/round_record.h"
#include "server/store/run_store.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

// An update that was merged.
struct MergedUpdate {
  std::string client = {};
  Modality modality = Modality::kImage;
  UpdateRecord record = {};        // dataset, samples; loss, steps, ... as the client told them
  StateDict representations = {};  // of the public set; empty where there is none
};

// What a round leaves to its method beside the merged globals.
struct RoundOutcome {
  int round = 0;
  std::vector<MergedUpdate> updates = {};  // in increasing order of client
  // The coefficients that were used, by target and parameter; Contribution::member is a place in
  // `updates`. A parameter without contributions is as it was.
  const Plan* plan = nullptr;
  // The globals before the merge; empty unless a hook needs them.
  std::map<std::string, StateDict> before = {};
  // By dataset: sum over `updates` of SummedWeight() * tensor.
  std::map<std::string, StateDict> summed = {};
};

class MethodHook {
 public:
  struct Needs {
    bool old_globals = false;      // RoundOutcome::before: the memory of all globals once more
    bool changes_globals = false;  // they are not written to disk until AfterMerge() is done
  };

  virtual ~MethodHook() = default;

  virtual Needs needs() const { return {}; }

  // `models` holds the globals of a new run, and what earlier hooks added.
  virtual absl::Status Begin(const RunContext& /*context*/, ModelSet* /*models*/) const {
    return absl::OkStatus();
  }

  // See PlanAdjustment. `plan`: over `cohort`.
  virtual void AdjustPlan(const std::vector<CohortMember>& /*cohort*/, Plan* /*plan*/) const {}

  // The fixed coefficient, in [0, 1], with which `tensor` of the uploads of `dataset`'s clients is
  // summed; nothing if the tensor is not this hook's. What no hook sums is kept of each client.
  virtual std::optional<double> SummedWeight(const DatasetContext& /*dataset*/,
                                             absl::string_view /*tensor*/) const {
    return std::nullopt;
  }

  // Whether the update of `member` is one that this method can use. A message goes on after "client
  // NAME": "reports 3 steps, expected 4".
  virtual absl::Status CheckReport(const CohortMember& /*member*/,
                                   const v1::TrainingReport& /*report*/) const {
    return absl::OkStatus();
  }

  // `models`: the merged globals, and state and auxiliary tensors as the last round left them. May
  // change state and auxiliary tensors, and the globals if needs() says so.
  virtual absl::Status AfterMerge(const RunContext& /*context*/, const RoundOutcome& /*outcome*/,
                                  ModelSet* /*models*/) const {
    return absl::OkStatus();
  }
};

}  // namespace tributary
