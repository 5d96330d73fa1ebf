#include "server/service/attend_session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/registry/admission.h"

namespace tributary {
namespace {

v1::Refusal MakeRefusal(v1::Refusal::Reason reason, const absl::Status& status,
                        bool retry = false) {
  v1::Refusal refusal;
  refusal.set_reason(reason);
  refusal.set_message(std::string(status.message()));
  refusal.set_retry(retry);
  return refusal;
}

}  // namespace

void AttendSession::Handle(const v1::ClientMessage& message,
                           const std::shared_ptr<ClientLink>& link) {
  if (message.sequence() <= handled_) return;
  handled_ = message.sequence();
  if (message.has_join()) return Join(message.join(), link);
  if (client_.empty()) {
    return Refuse(MakeRefusal(v1::Refusal::REASON_PROTOCOL,
                              absl::FailedPreconditionError("the first message must be Join")),
                  client_, link.get());
  }
  std::optional<v1::Progress> progress;
  if (message.has_heartbeat() && message.heartbeat().has_progress()) {
    progress = message.heartbeat().progress();
  }
  deps_.registry->Heard(client_, link.get(), std::move(progress));
  if (message.has_ready()) {
    Ready(message.ready(), link);
  } else if (message.has_task_accepted()) {
    const v1::TaskAccepted& task = message.task_accepted();
    if (const auto live = deps_.active->Get(task.round(), task.attempt())) {
      live->Accept(client_);
    } else if (const auto evaluation = deps_.active->Evaluation(task.round(), task.attempt())) {
      evaluation->Accept(client_);
    }
  } else if (message.has_task_failed()) {
    const v1::TaskFailed& task = message.task_failed();
    if (const auto live = deps_.active->Get(task.round(), task.attempt())) {
      live->Fail(client_, task.message());
    } else if (const auto evaluation = deps_.active->Evaluation(task.round(), task.attempt())) {
      evaluation->Fail(client_, task.message());
    }
  } else if (message.has_leave()) {
    leave_reason_ = message.leave().reason();
    link->Close();
  }
}

void AttendSession::Join(const v1::Join& join, const std::shared_ptr<ClientLink>& link) {
  if (!client_.empty()) return;  // joined already: a repeated message
  if (absl::Status may = CheckMayActAsClient(peer_, join.client()); !may.ok()) {
    return Refuse(MakeRefusal(v1::Refusal::REASON_NOT_PERMITTED, may), join.client(), link.get());
  }
  if (std::optional<v1::Refusal> refusal = CheckJoin(join, *deps_.context)) {
    return Refuse(*std::move(refusal), join.client(), link.get());
  }
  const DatasetContext& dataset = deps_.context->datasets.at(join.data().dataset());
  const absl::StatusOr<std::string> session =
      deps_.registry->Attach(join, dataset.config.modality, link);
  if (!session.ok()) {
    return Refuse(MakeRefusal(v1::Refusal::REASON_NAME, session.status(), true), join.client(),
                  link.get());
  }
  // After the client was linked: one that is evicted at this moment has either been found and
  // disconnected, or is found here.
  if (const auto evicted = deps_.coordinator->control().Evicted(join.client())) {
    deps_.registry->Detach(join.client(), link.get());
    return Refuse(
        MakeRefusal(v1::Refusal::REASON_NOT_PERMITTED,
                    absl::PermissionDeniedError(absl::StrCat(
                        "client ", join.client(), " is evicted ", InWords(*evicted),
                        "; the run's operator may let it in again with `tributary forgive ",
                        join.client(), "`"))),
        join.client(), link.get());
  }
  client_ = join.client();
  dataset_ = dataset.config.name;
  v1::ServerMessage message;
  *message.mutable_welcome() = MakeWelcome(*deps_.context, dataset);
  message.mutable_welcome()->set_session(*session);
  link->Send(std::move(message));
}

void AttendSession::Ready(const v1::Ready& ready, const std::shared_ptr<ClientLink>& link) {
  if (std::optional<v1::Refusal> refusal =
          CheckReady(ready, client_, deps_.context->datasets.at(dataset_))) {
    return Refuse(*std::move(refusal), client_, link.get());
  }
  if (!deps_.registry->MarkAttending(client_, link.get())) return;
  v1::ServerMessage message;
  message.mutable_attending();
  link->Send(std::move(message));
  deps_.coordinator->OnAttending(client_, {ready.held_rounds().begin(), ready.held_rounds().end()});
}

void AttendSession::Refuse(v1::Refusal refusal, const std::string& client, ClientLink* link) {
  deps_.coordinator->OnRefused(client, refusal.message());
  v1::ServerMessage message;
  *message.mutable_refusal() = std::move(refusal);
  link->Send(std::move(message));
  link->Close();
}

void AttendSession::End(const ClientLink* link, const std::string& reason) {
  if (client_.empty() || !deps_.registry->Detach(client_, link)) return;
  deps_.coordinator->OnLeft(client_, leave_reason_.empty() ? reason : leave_reason_);
}

}  // namespace tributary
