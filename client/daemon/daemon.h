// Daemon: keeps a client in a run until the run is over, or, with `stay`, in one run of its
// coordinator after the other. It holds one session after the other, with backoff between them, and
// for each run one worker that outlives the sessions.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <grpcpp/channel.h>
#include <spdlog/logger.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/daemon/event_queue.h"
#include "client/daemon/session.h"
#include "client/daemon/state_folder.h"
#include "client/daemon/task_trainer.h"
#include "client/daemon/timings.h"
#include "client/daemon/work_gate.h"
#include "common/rpc/backoff.h"
#include "common/rpc/channel.h"

namespace tributary {

struct DaemonSetting {
  std::string address;  // of the coordinator, for messages
  bool stay = false;    // whether to wait for the next run where one is finished
  ClientCard card;
  int threads = 1;
  Timings timings;
  std::shared_ptr<spdlog::logger> log;
};

class Daemon {
 public:
  // `folder` must outlive the daemon.
  Daemon(DaemonSetting setting, Dial dial, TrainerFactory factory, StateFolder* folder);

  // Serves until the run is finished or Stop() was called (OK), or until it cannot go on: the
  // coordinator refuses the client or its model (FailedPrecondition, PermissionDenied,
  // InvalidArgument for a protocol that does not fit), its data are damaged (DataLoss), or no
  // session could be had for too long (Unavailable). With `stay`, a finished run and what the
  // coordinator refuses do not end it: the client waits until that changes. Call once.
  absl::Status Run();

  // Makes Run() leave the run and return within seconds. Thread-safe; may be called before Run().
  void Stop() { events_.Push(StopAsked{}); }

 private:
  enum class RunEnd { kFinished, kOtherRun, kStopped };
  // What the daemon knows of its attempts to reach the coordinator, in all runs.
  struct Dialling {
    Backoff backoff;
    uint64_t sessions = 0;
    bool attended = false;
    absl::Time lost_since = absl::Now();
    std::string last_said = {};  // why there was no session, as it was logged last
    absl::Time said = absl::InfinitePast();
  };

  // One run, with a worker of its own.
  absl::StatusOr<RunEnd> ServeRun(Dialling* dialling);
  absl::StatusOr<RunEnd> Serve(const SessionPlace& place, Dialling* dialling);
  // Deletes what is kept for a run that is finished.
  absl::Status Forget();
  // Drops events of a worker and of sessions that are gone. False if asked to stop.
  bool DropStaleEvents();
  void LogNoSession(const absl::Status& why, absl::Duration wait, Dialling* dialling) const;
  // Waits. False if asked to stop; an error if a task has shown that the client's data are damaged.
  absl::StatusOr<bool> WaitBetweenSessions(absl::Duration duration);
  absl::Status GiveUp(const absl::Status& last, absl::Duration after, bool attended) const;

  const DaemonSetting setting_;
  const Dial dial_;
  const TrainerFactory factory_;
  StateFolder* const folder_;
  EventQueue events_;
  WorkGate gate_;
};

}  // namespace tributary
