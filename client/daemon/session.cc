#include "client/daemon/session.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "common/codec/codec.h"
#include "common/rpc/model_proto.h"
#include "common/rpc/protocol.h"

namespace tributary {
namespace {

// The peer counts as gone when the connection has not accepted a message for two heartbeats plus
// this margin, which covers a coordinator that is briefly too busy to read.
constexpr absl::Duration kStuckMargin = absl::Seconds(10);

absl::Status StatusOf(const v1::Refusal& refusal) {
  const std::string message =
      absl::StrCat("the coordinator refuses this client: ", refusal.message());
  switch (refusal.reason()) {
    case v1::Refusal::REASON_PROTOCOL:
      return absl::InvalidArgumentError(message);
    case v1::Refusal::REASON_NOT_PERMITTED:
      return absl::PermissionDeniedError(message);
    default:
      return absl::FailedPreconditionError(message);
  }
}

}  // namespace

absl::Status CheckStillAble(const absl::Status& status) {
  return absl::IsDataLoss(status) ? status : absl::OkStatus();
}

Session::Session(const SessionPlace& place, uint64_t number) : place_(place), number_(number) {}

SessionEnd Session::Run() {
  // Callbacks on gRPC's threads only push events. Each carries the session's number, so that events
  // of an earlier stream, which may still be queued, are told apart and ignored.
  stream_ = std::make_unique<AttendStream>(
      place_.stub,
      [events = place_.events, number = number_](const v1::ServerMessage& message) {
        events->Push(ServerSaid{number, message});
      },
      [events = place_.events, number = number_](const absl::Status& status) {
        events->Push(StreamClosed{number, status});
      });
  Join();
  while (!end_) {
    if (const std::optional<Event> event = place_.events->PopUntil(NextWake())) Handle(*event);
    OnTime(absl::Now());
  }
  // First of all: the worker must not begin a call under a session that is over.
  place_.gate->Close();
  if (leaving_) AwaitClose();
  stream_.reset();
  if (attending_since_ != absl::InfiniteFuture()) {
    end_->attended = absl::Now() - attending_since_;
  }
  return *std::move(end_);
}

void Session::Join() {
  v1::ClientMessage message;
  v1::Join* join = message.mutable_join();
  join->set_protocol(kProtocolVersion);
  join->set_software_version(kSoftwareVersion);
  join->set_client(place_.card.name);
  // The coordinator checks it before it admits the client: updates on this client's disk must not
  // enter another run. Empty: any run is joined; OnWelcome() compares.
  if (!place_.stay) join->set_run_id(place_.folder->run_id());
  *join->mutable_data() = place_.card.data;
  join->set_device(place_.card.device);
  join->set_vocabulary(place_.card.vocabulary);
  join->set_public_set(place_.card.public_set);
  for (const Codec codec : kCodecs) join->add_codecs(CodecToProto(codec));
  stream_->Send(std::move(message));
  Enter(Phase::kJoining, place_.timings.handshake);
}

void Session::Handle(const Event& event) {
  std::visit(
      [this](const auto& what) {
        using T = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<T, ServerSaid>) {
          if (what.stream == number_) OnMessage(what.message);
        } else if constexpr (std::is_same_v<T, StreamClosed>) {
          if (what.stream == number_) OnClosed(what.status);
        } else if constexpr (std::is_same_v<T, TrainerReady>) {
          if (what.stream == number_) OnTrainerReady(what.status);
        } else if constexpr (std::is_same_v<T, TaskEnded>) {
          OnTaskEnded(what);  // no number: tasks outlive sessions
        } else if constexpr (std::is_same_v<T, WorkProgressed>) {
          progress_pending_ = true;
        } else {
          Leave(SessionEnd::kStopped, absl::OkStatus(), "the client was asked to stop");
        }
      },
      event);
}

void Session::OnMessage(const v1::ServerMessage& message) {
  if (message.sequence() == 0) {
    return End(SessionEnd::kLost,
               absl::InternalError("the coordinator sent a message without a number"));
  }
  // A message may arrive twice; the second is dropped.
  if (message.sequence() <= last_seen_) return;
  last_seen_ = message.sequence();
  switch (message.body_case()) {
    case v1::ServerMessage::kWelcome:
      return OnWelcome(message.welcome());
    case v1::ServerMessage::kRefusal:
      return OnRefusal(message.refusal());
    case v1::ServerMessage::kAttending:
      return OnAttending();
    case v1::ServerMessage::kTask:
      return OnTask(message.task());
    case v1::ServerMessage::kCancelTask:
      return place_.runner->Cancel(message.cancel_task().round(), message.cancel_task().attempt(),
                                   message.cancel_task().reason());
    case v1::ServerMessage::kShutdown:
      return OnShutdown(message.shutdown());
    case v1::ServerMessage::BODY_NOT_SET:
      place_.log->warn("a message of an unknown kind from the coordinator is ignored");
  }
}

void Session::OnWelcome(const v1::Welcome& welcome) {
  if (phase_ != Phase::kJoining) return;
  absl::StatusOr<SessionTerms> terms = TermsFrom(welcome, place_.card.modality);
  if (!terms.ok()) {
    Leave(SessionEnd::kFatal, terms.status(), std::string(terms.status().message()));
    end_->refused = true;
    return;
  }
  terms_ = std::make_shared<const SessionTerms>(*std::move(terms));
  if (const std::string& joined = place_.folder->run_id();
      !joined.empty() && joined != terms_->run_id) {
    if (place_.stay) return ChangeRun(joined);
    const std::string reason = absl::StrCat(
        "this client belongs to run ", joined, ", the coordinator's is ", terms_->run_id,
        "; start the client with another --state folder, or with --stay");
    return Leave(SessionEnd::kFatal, absl::FailedPreconditionError(reason), reason);
  }
  if (absl::Status kept = place_.folder->RememberRun(terms_->run_id, terms_->run_name);
      !kept.ok()) {
    return Leave(SessionEnd::kFatal, kept, std::string(kept.message()));
  }
  place_.log->info("welcome to run {} ({}), coordinator version {}", terms_->run_name,
                   terms_->run_id, welcome.software_version());
  // Building the model reads the whole shard, which may take minutes. The phase has no deadline,
  // since the coordinator has nothing to answer, but heartbeats keep it from taking the client for
  // dead.
  heartbeat_due_ = absl::Now() + terms_->heartbeat;
  Enter(Phase::kPreparing, absl::InfiniteDuration());
  place_.runner->Prepare(number_, terms_->model);
}

void Session::ChangeRun(const std::string& joined) {
  const std::string before = joined;  // a reference into the folder, which changes
  if (absl::Status kept = place_.folder->RememberRun(terms_->run_id, terms_->run_name);
      !kept.ok()) {
    return Leave(SessionEnd::kFatal, kept, std::string(kept.message()));
  }
  place_.log->info("the coordinator has a new run, {} ({}); what is kept for run {} stays apart",
                   terms_->run_name, terms_->run_id, before);
  // The session is not used: the worker may still be at a task of the run before, and must not
  // deliver it here. The daemon joins again with a new worker.
  Leave(SessionEnd::kOtherRun, absl::OkStatus(),
        absl::StrCat("it ends its work for run ", before, " and joins again"));
}

void Session::OnTrainerReady(const absl::Status& status) {
  if (phase_ != Phase::kPreparing) return;
  if (!status.ok()) {
    return Leave(SessionEnd::kFatal, status, std::string(status.message()));
  }
  v1::ClientMessage message;
  *message.mutable_ready()->mutable_upload() = ManifestToProto(terms_->upload);
  for (const uint32_t round : place_.store->HeldRounds(terms_->run_id)) {
    message.mutable_ready()->add_held_rounds(round);
  }
  stream_->Send(std::move(message));
  Enter(Phase::kReadying, place_.timings.handshake);
}

void Session::OnRefusal(const v1::Refusal& refusal) {
  if (refusal.retry()) return End(SessionEnd::kLost, StatusOf(refusal));
  EndRefused(StatusOf(refusal));
}

void Session::OnAttending() {
  if (phase_ != Phase::kReadying) return;
  Enter(Phase::kAttending, absl::InfiniteDuration());
  attending_since_ = absl::Now();
  progress_due_ = attending_since_ + place_.timings.progress;
  progress_pending_ = place_.board->changed();
  place_.log->info("attending run {} as {}", terms_->run_name, place_.card.name);
  place_.gate->Open(terms_);
}

void Session::OnTask(const v1::Task& task) {
  // Attending and a task are sent by two threads of the coordinator and may change places.
  OnAttending();  // a task implies that the coordinator has accepted the client
  if (phase_ != Phase::kAttending) return;
  place_.log->info("round {} attempt {}: task taken, to be reported within {}", task.round(),
                   task.attempt(), absl::FormatDuration(absl::Milliseconds(task.deadline_ms())));
  // Acknowledged each time: the coordinator offers a task again until it has heard so.
  place_.runner->Offer(task);
  v1::ClientMessage message;
  message.mutable_task_accepted()->set_round(task.round());
  message.mutable_task_accepted()->set_attempt(task.attempt());
  stream_->Send(std::move(message));
}

void Session::OnShutdown(const v1::Shutdown& shutdown) {
  switch (shutdown.reason()) {
    case v1::Shutdown::REASON_RUN_FINISHED:
      return End(SessionEnd::kRunFinished, absl::OkStatus());
    case v1::Shutdown::REASON_EVICTED:
      return EndRefused(absl::PermissionDeniedError(
          absl::StrCat("the coordinator evicted this client: ", shutdown.message())));
    default:
      return End(SessionEnd::kLost,
                 absl::UnavailableError(absl::StrCat("the coordinator stops and may come back: ",
                                                     shutdown.message())));
  }
}

void Session::OnTaskEnded(const TaskEnded& ended) {
  if (ended.status.ok()) return;
  place_.log->error("round {}: the task failed: {}", ended.round, ended.status.ToString());
  // Without a session nobody is told: the coordinator offers the task again to the next one.
  if (phase_ == Phase::kAttending) {
    v1::ClientMessage message;
    message.mutable_task_failed()->set_round(ended.round);
    message.mutable_task_failed()->set_attempt(ended.attempt);
    message.mutable_task_failed()->set_message(std::string(ended.status.message()));
    stream_->Send(std::move(message));
  }
  if (absl::Status able = CheckStillAble(ended.status); !able.ok()) {
    Leave(SessionEnd::kFatal, able, std::string(able.message()));
  }
}

void Session::OnClosed(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return EndRefused(status);
    // What gRPC answers for a service that is not there.
    case absl::StatusCode::kUnimplemented:
      return EndRefused(absl::InvalidArgumentError(absl::StrCat(
          "the server at this address is no Tributary coordinator: ", status.message())));
    case absl::StatusCode::kOk:
      return End(SessionEnd::kLost, absl::UnavailableError("the coordinator ended the session"));
    default:
      return End(SessionEnd::kLost, status);
  }
}

void Session::OnTime(absl::Time now) {
  if (end_) return;
  if (now >= phase_ends_) {
    return End(SessionEnd::kLost,
               absl::DeadlineExceededError(absl::StrCat(
                   "the coordinator did not answer ", phase_ == Phase::kJoining ? "Join" : "Ready",
                   " within ", absl::FormatDuration(place_.timings.handshake))));
  }
  if (terms_ == nullptr || heartbeat_due_ == absl::InfiniteFuture()) return;
  // A peer that is gone without a FIN takes no more bytes; gRPC's keepalive would notice later than
  // the coordinator forgets us.
  if (now > stream_->StuckSince() + 2 * terms_->heartbeat + kStuckMargin) {
    return End(SessionEnd::kLost, absl::UnavailableError("the connection takes no more messages"));
  }
  if (now >= heartbeat_due_ || (progress_pending_ && now >= progress_due_)) SendHeartbeat(now);
}

void Session::SendHeartbeat(absl::Time now) {
  progress_pending_ = false;
  v1::ClientMessage message;
  v1::Heartbeat* heartbeat = message.mutable_heartbeat();
  if (std::optional<v1::Progress> progress = place_.board->Take()) {
    *heartbeat->mutable_progress() = *std::move(progress);
  }
  stream_->Send(std::move(message));
  heartbeat_due_ = now + terms_->heartbeat;
  progress_due_ = now + place_.timings.progress;
}

absl::Time Session::NextWake() const {
  const absl::Time wake = std::min(phase_ends_, heartbeat_due_);
  return progress_pending_ ? std::min(wake, progress_due_) : wake;
}

void Session::Enter(Phase phase, absl::Duration limit) {
  phase_ = phase;
  phase_ends_ = absl::Now() + limit;
}

void Session::End(SessionEnd::Kind kind, absl::Status status) {
  // The first reason counts: closing the stream brings a second one.
  if (!end_) end_ = SessionEnd{.kind = kind, .status = std::move(status)};
}

void Session::EndRefused(absl::Status status) {
  if (end_) return;
  End(SessionEnd::kFatal, std::move(status));
  end_->refused = true;
}

void Session::Leave(SessionEnd::Kind kind, absl::Status status, const std::string& reason) {
  if (end_) return;
  v1::ClientMessage message;
  message.mutable_leave()->set_reason(reason);
  stream_->Send(std::move(message));
  stream_->HalfClose();
  leaving_ = true;
  End(kind, std::move(status));
}

void Session::AwaitClose() {
  const absl::Time deadline = absl::Now() + place_.timings.leave;
  while (const std::optional<Event> event = place_.events->PopUntil(deadline)) {
    const auto* closed = std::get_if<StreamClosed>(&*event);
    if (closed != nullptr && closed->stream == number_) return;
  }
}

}  // namespace tributary
