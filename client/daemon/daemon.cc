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

// How often a client that stays logs the same reason for having no session.
constexpr absl::Duration kSayAgain = absl::Minutes(10);

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
  Dialling dialling{.backoff = Backoff(setting_.timings.dial, DialStream(setting_.card.name))};
  while (true) {
    ASSIGN_OR_RETURN(const RunEnd end, ServeRun(&dialling));
    if (end == RunEnd::kStopped) return absl::OkStatus();
    if (end == RunEnd::kFinished) RETURN_IF_ERROR(Forget());
    if (end == RunEnd::kFinished && !setting_.stay) return absl::OkStatus();
    // The worker is gone by now; what it said last is about no task of the next run.
    if (!DropStaleEvents()) return absl::OkStatus();
    if (end == RunEnd::kOtherRun) continue;
    setting_.log->info("waiting for the next run of the coordinator at {}", setting_.address);
    dialling.lost_since = absl::Now();
    ASSIGN_OR_RETURN(const bool go_on, WaitBetweenSessions(setting_.timings.next_run));
    if (!go_on) return absl::OkStatus();
  }
}

absl::StatusOr<Daemon::RunEnd> Daemon::ServeRun(Dialling* dialling) {
  const std::shared_ptr<grpc::Channel> channel = dial_();
  const std::unique_ptr<v1::Federation::Stub> stub = v1::Federation::NewStub(channel);
  grpc::GenericStub bulk(channel);
  UpdateStore store(folder_->updates_path(), setting_.log);
  ResidualStore residuals(folder_->residuals_path(), setting_.log);
  RoundStateStore method_states(folder_->method_state_path());
  ProgressBoard board([this] { events_.Push(WorkProgressed{}); });
  // Members are destroyed in reverse order: the runner uses all that is declared above it.
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
  return Serve({.stub = stub.get(),
                .events = &events_,
                .runner = &runner,
                .gate = &gate_,
                .board = &board,
                .folder = folder_,
                .store = &store,
                .log = setting_.log,
                .card = setting_.card,
                .timings = setting_.timings,
                .stay = setting_.stay},
               dialling);
}

absl::Status Daemon::Forget() {
  RETURN_IF_ERROR(folder_->ForgetRun());
  if (!folder_->earlier_runs().empty()) return absl::OkStatus();
  // Nothing is kept for any run: what is left are pieces of files that a crash cut short.
  UpdateStore(folder_->updates_path(), setting_.log).DropAll();
  ResidualStore(folder_->residuals_path(), setting_.log).DropAll();
  RoundStateStore(folder_->method_state_path()).DropAll();
  return absl::OkStatus();
}

bool Daemon::DropStaleEvents() {
  bool go_on = true;
  while (const std::optional<Event> event = events_.PopUntil(absl::InfinitePast())) {
    if (std::holds_alternative<StopAsked>(*event)) go_on = false;
  }
  if (!go_on) setting_.log->info("stopped; finished work is kept");
  return go_on;
}

absl::StatusOr<Daemon::RunEnd> Daemon::Serve(const SessionPlace& place, Dialling* dialling) {
  const Timings& timings = setting_.timings;
  while (true) {
    const SessionEnd end = Session(place, ++dialling->sessions).Run();
    switch (end.kind) {
      case SessionEnd::kRunFinished:
        setting_.log->info("the run is finished");
        return RunEnd::kFinished;
      case SessionEnd::kOtherRun:
        return RunEnd::kOtherRun;
      case SessionEnd::kStopped:
        setting_.log->info("stopped; finished work is kept");
        return RunEnd::kStopped;
      case SessionEnd::kFatal:
        // What the coordinator decided, it may decide otherwise in its next run or when a person
        // has seen to it. What is wrong on this side stays wrong.
        if (!setting_.stay || !end.refused) return end.status;
        break;
      case SessionEnd::kLost:
        break;
    }
    // A session that was attended starts the time without a coordinator anew. The backoff is reset
    // only by one that lasted: a coordinator that accepts and drops clients at once must not be
    // hammered.
    if (end.attended > absl::ZeroDuration()) {
      dialling->attended = true;
      dialling->lost_since = absl::Now();
      if (end.attended >= timings.settled) dialling->backoff.Reset();
    }
    const absl::Duration limit = dialling->attended ? timings.reconnect : timings.connect;
    const absl::Duration left = dialling->lost_since + limit - absl::Now();
    if (left <= absl::ZeroDuration()) return GiveUp(end.status, limit, dialling->attended);
    const absl::Duration pause = dialling->backoff.Next();
    const absl::Duration wait =
        std::min(end.refused ? std::max(pause, timings.refused) : pause, left);
    LogNoSession(end.status, wait, dialling);
    ASSIGN_OR_RETURN(const bool go_on, WaitBetweenSessions(wait));
    if (!go_on) return RunEnd::kStopped;
  }
}

void Daemon::LogNoSession(const absl::Status& why, absl::Duration wait, Dialling* dialling) const {
  const std::string message(why.message());
  const absl::Time now = absl::Now();
  // A client that stays may wait for weeks: the same line every 15 s would hide all others.
  if (setting_.stay && message == dialling->last_said && now - dialling->said < kSayAgain) return;
  dialling->last_said = message;
  dialling->said = now;
  setting_.log->warn("no session with the coordinator at {}: {}; trying again in {:.1f} s",
                     setting_.address, message, absl::ToDoubleSeconds(wait));
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
