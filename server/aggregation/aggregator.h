// Aggregator: one round's updates in, new globals out.
//
//   1. created at zero for the targets and the sampled cohort
//   2. Add() for each update, in any order, from any thread. It was verified whole while it arrived
//      (Upload), so that a refused one never touches a sum; it is added block by block on all
//      cores, and its spool is freed as it goes. Or it is kept, where the spools of a whole cohort
//      have room: AddKept() goes over the sums once for all of them, and those that came as plain
//      values stay where they are, for the merge to read
//   3. BeginMerge() once: the plan over the clients that were added gives the coefficients
//
// An update is a delta against its client's own global. Where it contributes to another target t,
// W_k - W_t is that delta plus (W_own - W_t), which the merge adds from the globals, with the same
// coefficient.
//
// Rule `paper`: updates are weighted by n_k / D of the sampled cohort, whenever they are added, and
// rescaled at the end by D over the D of those that came. Rule `release`: a client's coefficient
// depends on who comes after it, so spools are kept until the end. Memory is O(globals) either way,
// whatever the number of clients.
//
// Further tensors of an update are summed with a fixed weight (Target::summed), in the same sums
// and as exactly, or kept of each client apart (Target::representations).
//
// Exactness: each product is rounded to 2^-41. The rescaling multiplies that by D over the arrived
// D: with K contributions the change of a value is within K * 2^-41 * D / D_arrived of the exact
// one before it is rounded to float32.
//
// Source: docs/algorithm.md section 4.
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
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "common/tensor/state_dict.h"
#include "server/aggregation/accumulator.h"
#include "server/aggregation/merge.h"
#include "server/aggregation/plain_update.h"
#include "server/aggregation/plan.h"
#include "server/aggregation/routing.h"
#include "server/aggregation/spool.h"
#include "server/aggregation/upload.h"

namespace tributary {

// Sums by target, which a later round may use again.
using Sums = std::vector<std::unique_ptr<Accumulator>>;

class Aggregator {
 public:
  // `cohort`: in increasing order of name. `sums`: of an earlier Aggregator for the same targets
  // (TakeSums()), or none. `keep`: keep all updates until AddKept(). `adjust`: may be null.
  Aggregator(std::vector<Target> targets, std::vector<CohortMember> cohort,
             const AggregationConfig& config, Sums sums = {}, bool keep = false,
             PlanAdjustment adjust = nullptr);

  // A new upload of `member`, of at most `most_bytes`.
  std::shared_ptr<Upload> NewUpload(const CohortMember& member, uint64_t most_bytes,
                                    std::unique_ptr<Spool> spool) const;

  // Adds the whole update of `client` on up to `threads` threads. Errors leave the sums untouched:
  // NotFound for a client outside the cohort, AlreadyExists for one that was added, InvalidArgument
  // for an upload that is not complete. Any other error is our own disk's, from which a spool
  // cannot be read: see health().
  absl::Status Add(const std::string& client, std::shared_ptr<Upload> upload, int threads = 1);
  // Not OK once an update may be in the sums in part: the round must be attempted anew.
  absl::Status health() const;

  // What an update of `member` may hold.
  const Manifest& ManifestOf(const CohortMember& member) const;
  // How many updates were added.
  size_t added() const;

  // The representations in the updates that were added, by client; nothing for clients whose target
  // has none.
  std::map<std::string, StateDict> Representations() const;

  // Adds the updates that were kept and that must be decoded. Not OK if one cannot be read; the
  // round cannot be merged then.
  absl::Status AddKept(int threads = 1);

  // Begins to turn the current globals into the new ones, in place, on up to `threads` threads.
  // Needs no client to have reported: what nobody contributed to stays. Not OK, with the globals as
  // they were: health(), and AddKept(), which it calls. Aggregator and globals must outlive the
  // merge, and only it may use them until it is finished.
  absl::StatusOr<std::unique_ptr<RunningMerge>> BeginMerge(
      std::map<std::string, StateDict>* globals, int threads = 1);
  // The whole merge.
  absl::Status FinishInto(std::map<std::string, StateDict>* globals, int threads = 1);
  struct Outcome {
    std::shared_ptr<const Routing> routing;  // cohort and plan of the clients that were added
    std::map<std::string, StateDict> summed =
        {};  // by dataset: Target::summed, where there are any
  };
  // What the merge used and made besides the globals. Once, when it is finished.
  Outcome TakeOutcome();
  // The new globals from the current ones.
  absl::StatusOr<std::map<std::string, StateDict>> Finish(
      const std::map<std::string, StateDict>& globals) &&;

  // The sums' memory, at zero. No merge may be running, and nothing else may be called afterwards.
  Sums TakeSums();

 private:
  // A verified update that is to be added.
  struct Addend {
    std::shared_ptr<Upload> upload;
    Routes routes = {};
    std::shared_ptr<const PlainUpdate> plain = nullptr;  // null: it must be decoded
  };

  const Target& TargetOf(const CohortMember& member) const;
  Routing RoutingOf(std::vector<CohortMember> cohort) const;
  // The routing by which updates were added, when `arrived` is that of the clients that came.
  const Routing& AddedBy(const Routing& arrived) const {
    return config_.rule == Rule::kPaper ? *full_ : arrived;
  }
  Addend AddendOf(std::shared_ptr<Upload> upload, const Routing& routing, size_t member) const;

  // Adds chunk i of all updates before chunk i + 1: chunks of the same number cover about the same
  // values, so their sums are still in the cache for the next update.
  absl::Status AddVerified(absl::Span<const Addend> addends, int threads);
  void AddChunk(absl::string_view chunk, const Routes& routes, std::string* scratch);
  absl::Status AddKeptLocked(int threads) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The clients of the cohort whose updates were added.
  std::vector<CohortMember> ArrivedLocked() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  // By target and tensor: of the updates that the merge reads where they lie.
  using PlainAddends = std::map<std::pair<size_t, size_t>, std::vector<MergeStep::Addend>>;
  PlainAddends PlainAddendsLocked() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  MergeStep StepOf(const Routing& routing, size_t target, size_t parameter,
                   std::map<std::string, StateDict>* globals) const;
  std::vector<MergeStep> StepsLocked(const Routing& routing,
                                     std::map<std::string, StateDict>* globals)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::vector<Target> targets_;
  const std::map<std::string, Manifest> uploads_;  // by dataset
  const std::vector<CohortMember> cohort_;
  const AggregationConfig config_;
  const bool keep_;
  const PlanAdjustment adjust_;
  const std::shared_ptr<const Routing> full_;  // as if all of the cohort had reported
  Sums sums_;  // by target, over its plain parameters and then its summed tensors

  mutable absl::Mutex mutex_;
  absl::Status health_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> added_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Addend> kept_ ABSL_GUARDED_BY(mutex_);  // by client, until AddKept()
  std::vector<Addend> plain_ ABSL_GUARDED_BY(mutex_);           // until BeginMerge()
  std::map<std::string, StateDict> representations_ ABSL_GUARDED_BY(mutex_);
  Outcome outcome_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
