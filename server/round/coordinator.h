// Coordinator: runs a federation's rounds, one after another, from the last commit to the last
// round.
//
// One thread calls Run(). Handlers of any thread report what clients do through the registry, the
// live round and the On...() functions, each of which wakes Run(). Decisions are pure functions
// (round_state.h) of what is known at that moment; time comes from a Clock.
//
//   wait for clients -> sample -> offer tasks -> collect -> merge -> evaluate -> commit -> next
//   round
//
// A client's fault ends that client's part of the round. An error that Run() returns is the
// coordinator's own (disk, models) or a round that found no quorum in all its attempts; the state
// folder then holds the last commit.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/base/clock.h"
#include "server/registry/client_registry.h"
#include "server/registry/run_context.h"
#include "server/round/events.h"
#include "server/round/live_round.h"
#include "server/round/progress.h"
#include "server/round/round_state.h"
#include "server/store/run_store.h"
#include "server/strategy/strategy.h"

namespace tributary {

// Computes the metrics of the globals, by dataset, as `tasks` of result.json.
using EvaluateGlobals =
    std::function<absl::StatusOr<nlohmann::json>(const std::map<std::string, StateDict>&)>;

class Coordinator {
 public:
  struct Parts {
    const RunContext* context;
    RunStore* store;
    EventLog* events;
    ClientRegistry* registry;
    const Strategy* strategy;
    const Clock* clock;
    // Of a new run; empty where the store has a commit.
    std::map<std::string, StateDict> initial = {};
    EvaluateGlobals evaluate;
    // Memory for uploads under way; nothing: as much as goes well with the models' size.
    std::optional<int64_t> spool_bytes = std::nullopt;
  };
  // The pointers must outlive the coordinator.
  explicit Coordinator(Parts parts) : parts_(std::move(parts)) {}

  // Runs until the last round is committed (OK), Stop() is called (Cancelled), or an error ends the
  // run.
  absl::Status Run();
  // Ends Run() soon, in order: the round in progress is dropped. From any thread; signal handlers
  // must not call it.
  void Stop(const std::string& reason);

  // The round that takes tasks and updates now; null between rounds.
  std::shared_ptr<LiveRound> CurrentRound() const;
  RunSnapshot Snapshot() const;

  // A client attends: it may have a task in this round.
  void OnAttending(const std::string& client);
  // A client's stream has ended.
  void OnLost(const std::string& client);
  // Something has changed that a decision may depend on.
  void Wake();

 private:
  absl::Status Begin();
  absl::Status RunRound(int round);
  absl::StatusOr<std::shared_ptr<LiveRound>> OpenRound(int round, int attempt);
  absl::Status AwaitClients();
  absl::StatusOr<RoundDecision> AwaitUpdates(LiveRound* live);
  absl::Status CommitRound(LiveRound* live, absl::Time started);
  // Whether the models of `round` are evaluated, and hashed.
  bool Evaluates(int round) const;
  // Puts what the next round's clients download into published_.
  absl::Status PublishModels(StageTimes* stages);
  // The globals of a round that are written already; or nothing.
  using EarlyGlobals = std::optional<absl::StatusOr<StagedModels>>;
  // Merges what the round has brought. The globals are written beside, each as soon as it is
  // merged, unless the method may yet change them.
  absl::StatusOr<EarlyGlobals> MergeRound(LiveRound* live);
  // Publishes the models and writes them with `record`, whose time and hash it fills in.
  absl::Status PublishAndStore(RoundRecord* record, absl::Time started, StageTimes* stages,
                               EarlyGlobals globals = std::nullopt);
  // Whose updates this committed round holds.
  void RememberMerged(const RoundRecord& record);
  absl::Status FinishRun();
  Attendance TakeAttendance() const;
  std::vector<CohortMember> SampleMembers(int round, int attempt) const;
  void Offer(const LiveRound& live, const std::string& client) const;
  void CloseRound(const std::string& reason);
  absl::Status Enter(int round, int attempt, Phase phase, const std::string& reason);
  // Sleeps until woken, until `until`, or for a tick, in which it does what is due regularly.
  // Cancelled after Stop().
  absl::Status Pause(absl::Time until, const std::string& waiting);
  void Tick();
  void DropSilent();
  void EmitProgress() const;

  Parts parts_;
  mutable absl::Mutex mutex_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<std::string> stop_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<LiveRound> live_ ABSL_GUARDED_BY(mutex_);
  RunSnapshot snapshot_ ABSL_GUARDED_BY(mutex_);
  uint64_t bytes_up_ ABSL_GUARDED_BY(mutex_) = 0;  // of committed rounds
  uint64_t bytes_down_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, int> merged_ ABSL_GUARDED_BY(mutex_);  // last round, by client
  // Of the last commit. Shared with what is published of them, which may refer to their values.
  std::shared_ptr<ModelSet> models_;
  std::map<std::string, PublishedModel> published_;  // by dataset
  Sums sums_;                                        // memory that rounds pass on
  std::shared_ptr<SpoolBudget> spool_budget_;        // the same
  absl::Time missed_since_ = absl::InfinitePast();   // since when an expected client is missed
  absl::Time last_sweep_ = absl::InfinitePast();     // for silent clients
  absl::Time last_offer_ = absl::InfinitePast();
  absl::Time last_progress_ = absl::InfinitePast();
  absl::Time first_round_ = absl::InfinitePast();  // when this process began to sample
};

}  // namespace tributary
