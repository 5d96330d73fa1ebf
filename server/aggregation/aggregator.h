// Aggregator: one round's updates in, new globals out.
//
//   1. created at zero for the targets and the sampled cohort
//   2. Add() for each update, in any order, from any thread: the whole update is verified first, so
//   that a refused one never
//      touches a sum; then it is added block by block and its spool is freed
//   3. Finish() once: the plan over the clients that were added gives the coefficients
//
// An update is a delta against its client's own global. Where it contributes to another target t,
// W_k - W_t is that delta plus (W_own - W_t), which Finish() adds from the globals, with the same
// coefficient.
//
// Rule `paper`: updates are added as they come, weighted by n_k / N of the sampled cohort, and
// rescaled by N / D at the end. Rule `release`: a client's coefficient depends on who comes after
// it, so spools are kept until Finish(). Memory is O(globals) either way, whatever the number of
// clients.
//
// Source: design.md, "Aggregation"; algorithm.md section 4.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/tensor/state_dict.h"
#include "server/aggregation/accumulator.h"
#include "server/aggregation/plan.h"
#include "server/aggregation/spool.h"

namespace tributary {

class Aggregator {
 public:
  // `cohort`: in increasing order of name.
  Aggregator(std::vector<Target> targets, std::vector<CohortMember> cohort,
             const AggregationConfig& config);

  // Adds the whole update of `client`. Errors leave the sums untouched: NotFound for a client
  // outside the cohort, AlreadyExists for one that was added, InvalidArgument, DataLoss or
  // OutOfRange for an update that its manifest does not allow (the message names chunk and tensor).
  absl::Status Add(const std::string& client, std::unique_ptr<Spool> update);

  // What an update of `member` may hold.
  const Manifest& ManifestOf(const CohortMember& member) const;
  // How many updates were added.
  size_t added() const;

  // What the updates that were added hold beside plain parameters, by client; nothing for clients
  // whose target has no representations.
  std::map<std::string, StateDict> Representations() const;

  // The new globals from the current ones. Needs no client to have reported: what nobody
  // contributed to stays.
  absl::StatusOr<std::map<std::string, StateDict>> Finish(
      const std::map<std::string, StateDict>& globals) &&;

 private:
  // Where a tensor of a member's update goes.
  struct Route {
    size_t target;
    size_t tensor;
    double weight;
  };
  using Routes = std::vector<std::vector<Route>>;  // by the tensor's place in the member's manifest

  const Target& TargetOf(const CohortMember& member) const;
  // Returns what the update holds that no target merges.
  absl::StatusOr<StateDict> Verify(const CohortMember& member, const Spool& update) const;
  absl::Status AddVerified(const CohortMember& member, const Routes& routes, const Spool& update);
  Routes RoutesOf(const Plan& plan, size_t member, const std::vector<CohortMember>& cohort,
                  bool by_samples) const;
  StateDict NewGlobal(size_t target, const TargetPlan& plan,
                      const std::vector<CohortMember>& arrived,
                      const std::map<std::string, StateDict>& globals) const;

  const std::vector<Target> targets_;
  const std::map<std::string, Manifest> uploads_;  // by dataset
  const std::vector<CohortMember> cohort_;
  const AggregationConfig config_;
  const Plan full_plan_;  // as if everybody had reported: says who goes where
  double cohort_weight_;  // N
  std::vector<std::unique_ptr<Accumulator>> sums_;  // by target

  mutable absl::Mutex mutex_;
  std::set<std::string> added_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::unique_ptr<Spool>> kept_ ABSL_GUARDED_BY(mutex_);  // rule release
  std::map<std::string, StateDict> representations_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
