// Coordinator: runs a federation's rounds, one after another, from the last commit to the last
// round.
//
//   wait for clients -> sample -> offer tasks -> collect -> merge -> evaluate -> commit -> next
//   round
//
// It holds the loop and its waits; what it decides is a pure function of what is known at that
// moment (round_state.h), and time comes from a Clock. The models are RunModels', who is how far is
// the LiveRound's.
//
// One thread calls Run(). Handlers of any thread report what clients do through the registry, the
// active round and the On...() functions, each of which wakes Run().
//
// A client's fault ends that client's part of the round. An error that Run() returns is the
// coordinator's own (disk, models) or a round that found no quorum in all its attempts; the state
// folder then holds the last commit.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/base/clock.h"
#include "server/method/method_hooks.h"
#include "server/registry/client_registry.h"
#include "server/registry/run_context.h"
#include "server/round/active_round.h"
#include "server/round/best_models.h"
#include "server/round/client_evaluation.h"
#include "server/round/events.h"
#include "server/round/progress.h"
#include "server/round/round_goal.h"
#include "server/round/round_state.h"
#include "server/round/run_events.h"
#include "server/round/run_models.h"
#include "server/store/run_control.h"
#include "server/store/run_store.h"

namespace tributary {

class Coordinator {
 public:
  struct Dependencies {
    const RunContext* context;
    RunStore* store;
    EventLog* events;
    ClientRegistry* registry;
    const MethodHooks* hooks;
    const Clock* clock;
    // What operators have decided; null: nothing, and what they decide is kept in memory only.
    RunControl* control = nullptr;
    // Globals of a new run; empty where the store has a commit.
    std::map<std::string, StateDict> initial = {};
    EvaluateGlobals evaluate;
    // Memory for uploads under way; nothing: as much as goes well with the models' size.
    std::optional<int64_t> spool_bytes = std::nullopt;
  };
  // The pointers must outlive the coordinator.
  explicit Coordinator(Dependencies dependencies);

  // Runs until the last round is committed, or until `evaluation.patience` is over (OK), Stop() is
  // called (Cancelled), or an error ends the run.
  absl::Status Run();
  // Ends Run() soon, in order: the round in progress is dropped. From any thread; signal handlers
  // must not call it.
  void Stop(const std::string& reason);

  // The round that takes tasks and updates now.
  const ActiveRound& active_round() const { return active_; }
  RunSnapshot Snapshot() const;

  // What operators have decided: RunOperator changes it, and wakes this.
  RunControl& control() const { return *control_; }
  // Changes the number of rounds, as RoundGoal allows, and records it.
  absl::Status SetRounds(int rounds, const OperatorMark& mark);
  // An operator does not want `client`'s part in the round in progress, for `reason`.
  void GiveUpOn(const std::string& client, const std::string& reason);

  // A client may not attend.
  void OnRefused(const std::string& client, const std::string& reason);
  // A client attends: it may have a task in this round.
  void OnAttending(const std::string& client, const std::vector<uint32_t>& held_rounds);
  // A client's stream has ended, for `reason`.
  void OnLeft(const std::string& client, const std::string& reason);
  // Something has changed that a decision may depend on.
  void Wake();

 private:
  absl::Status Begin();
  // Waits while the run is paused. Whether `round` is to be run then.
  absl::StatusOr<bool> BeginsRound(int round);
  absl::Status RunRound(int round);
  absl::StatusOr<std::shared_ptr<LiveRound>> OpenRound(int round, int attempt);
  absl::Status AwaitClients();
  absl::StatusOr<RoundDecision> AwaitUpdates(LiveRound* live);
  // Has the clients that hold a test part evaluate the merged globals, until all have reported or
  // evaluation.deadline; their metrics go into the record's. Cancelled after Stop().
  absl::Status EvaluateOnClients(LiveRound* live, RoundRecord* record);
  // Merges and commits a round that was closed.
  absl::Status CommitRound(const std::shared_ptr<LiveRound>& live, absl::Time started);
  // Whose updates this committed round holds, and what status tells of it.
  void RememberCommitted(const RoundRecord& record);
  absl::Status FinishRun();
  void Offer(const LiveRound& live, const std::string& client) const;
  // Ends the active round, if there is one, for clients: no update is taken from now on, and tasks
  // that are still open are cancelled.
  void CloseRound(const std::string& reason);
  absl::Status Enter(int round, int attempt, Phase phase);
  // Sleeps until woken, until `until`, or for a tick, in which it does what is due regularly.
  // Cancelled after Stop().
  absl::Status Pause(absl::Time until, const std::string& waiting);
  void Tick();
  void DropSilent();
  void EmitProgress();
  void Lost(const std::string& client);

  Dependencies deps_;
  const std::unique_ptr<RunControl> own_control_;  // where none was given
  RunControl* const control_;
  RoundGoal goal_;
  RunEvents events_;
  ActiveRound active_;
  std::atomic<bool> finished_ = false;  // clients have been told so
  mutable absl::Mutex mutex_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<std::string> stop_ ABSL_GUARDED_BY(mutex_);
  RunSnapshot snapshot_ ABSL_GUARDED_BY(mutex_);               // bytes: of closed rounds
  std::map<std::string, int> merged_ ABSL_GUARDED_BY(mutex_);  // last round, by client

  const ClientEvaluation client_evaluation_;

  // Of Run()'s thread alone.
  RunModels models_;
  BestModels best_;
  std::deque<double> round_seconds_;                // of the last rounds
  std::shared_ptr<SpoolBudget> spool_budget_;       // memory that rounds pass on
  absl::Time missed_since_ = absl::InfinitePast();  // since when an expected client is missed
  absl::Time last_sweep_ = absl::InfinitePast();    // for silent clients
  absl::Time last_offer_ = absl::InfinitePast();
  absl::Time last_progress_ = absl::InfinitePast();
  absl::Time first_round_ = absl::InfinitePast();  // when this process began to sample
};

}  // namespace tributary
