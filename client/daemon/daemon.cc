#include "client/daemon/daemon.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/daemon/progress_board.h"
#include "client/daemon/residual_store.h"
#include "client/daemon/task_runner.h"
#include "client/daemon/update_store.h"
#include "common/base/random.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

// Seeded by the time, unlike all streams that results depend on: clients that lost the same
// coordinator at once must not draw the same waits, nor one client the same after each restart.
RandomStream DialStream(const std::string& client) {
  return RandomStream(static_cast<uint64_t>(absl::ToUnixNanos(absl::Now())), "dial", 0, client);
}

}  // namespace

Daemon::Daemon(DaemonSetting setting, Dial dial, TrainerFactory factory, StateFolder* folder)
    : setting_(std::move(setting)),
      dial_(std::move(dial)),
      factory_(std::move(factory)),
      folder_(folder) {}

absl::Status Daemon::Run() {
  const std::shared_ptr<grpc::Channel> channel = dial_();
  const std::unique_ptr<v1::Federation::Stub> stub = v1::Federation::NewStub(channel);
  grpc::GenericStub bulk(channel);
  UpdateStore store(folder_->updates_path(), setting_.log);
  ResidualStore residuals(folder_->residuals_path(), setting_.log);
  RoundStateStore method_states(folder_->method_state_path());
  ProgressBoard board([this] { events_.Push(WorkProgressed{}); });
  bool finished = false;
  // The block ends the worker before the stores are emptied. Members are destroyed in reverse
  // order: the runner uses all that is declared above it.
  {
    TaskRunner runner({.stub = stub.get(),
                       .bulk = &bulk,
                       .dial = &dial_,
                       .store = &store,
                       .residuals = &residuals,
                       .method_states = &method_states,
                       .gate = &gate_,
                       .board = &board,
                       .log = setting_.log,
                       .client = setting_.card.name,
                       .samples = setting_.card.data.samples(),
                       .threads = setting_.threads,
                       .timings = setting_.timings},
                      factory_, &events_);
    ASSIGN_OR_RETURN(finished, Serve({.stub = stub.get(),
                                      .events = &events_,
                                      .runner = &runner,
                                      .gate = &gate_,
                                      .board = &board,
                                      .folder = folder_,
                                      .store = &store,
                                      .log = setting_.log,
                                      .card = setting_.card,
                                      .timings = setting_.timings}));
  }
  if (!finished) return absl::OkStatus();
  store.DropAll();
  residuals.DropAll();
  method_states.DropAll();
  return folder_->ForgetRun();
}

absl::StatusOr<bool> Daemon::Serve(const SessionPlace& place) {
  const Timings& timings = setting_.timings;
  Backoff backoff(timings.dial, DialStream(setting_.card.name));
  bool attended = false;
  absl::Time lost_since = absl::Now();
  for (uint64_t number = 1;; ++number) {
    const SessionEnd end = Session(place, number).Run();
    switch (end.kind) {
      case SessionEnd::kRunFinished:
        setting_.log->info("the run is finished");
        return true;
      case SessionEnd::kStopped:
        setting_.log->info("stopped; finished work is kept");
        return false;
      case SessionEnd::kFatal:
        return end.status;
      case SessionEnd::kLost:
        break;
    }
    // A session that was attended starts the time without a coordinator anew. The backoff is reset
    // only by one that lasted: a coordinator that accepts and drops clients at once must not be
    // hammered.
    if (end.attended > absl::ZeroDuration()) {
      attended = true;
      lost_since = absl::Now();
      if (end.attended >= timings.settled) backoff.Reset();
    }
    const absl::Duration limit = attended ? timings.reconnect : timings.connect;
    const absl::Duration left = lost_since + limit - absl::Now();
    if (left <= absl::ZeroDuration()) return GiveUp(end.status, limit, attended);
    const absl::Duration wait = std::min(backoff.Next(), left);
    setting_.log->warn("no session with the coordinator at {}: {}; trying again in {:.1f} s",
                       setting_.address, std::string(end.status.message()),
                       absl::ToDoubleSeconds(wait));
    ASSIGN_OR_RETURN(const bool go_on, WaitBetweenSessions(wait));
    if (!go_on) return false;
  }
}

absl::StatusOr<bool> Daemon::WaitBetweenSessions(absl::Duration duration) {
  const absl::Time end = absl::Now() + duration;
  while (const std::optional<Event> event = events_.PopUntil(end)) {
    if (std::holds_alternative<StopAsked>(*event)) {
      setting_.log->info("stopped; finished work is kept");
      return false;
    }
    if (const auto* ended = std::get_if<TaskEnded>(&*event); ended != nullptr) {
      // Other failures are not reported, since there is no session: the coordinator offers the task
      // again.
      RETURN_IF_ERROR(CheckStillAble(ended->status));
    }
  }
  return true;
}

absl::Status Daemon::GiveUp(const absl::Status& last, absl::Duration after, bool attended) const {
  return absl::UnavailableError(absl::StrCat(
      "gave up after ", absl::FormatDuration(after), attended ? " without" : ": never had",
      " a session with the coordinator at ", setting_.address, ": ", last.message(),
      "; check the address, that the coordinator runs (its log), and that both sides use TLS with "
      "certificates of one authority, or both do not"));
}

}  // namespace tributary
