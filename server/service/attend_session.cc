#include "server/service/attend_session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/model_proto.h"
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
  parts_.registry->Heard(client_, link.get(), std::move(progress));
  if (message.has_ready()) {
    Ready(message.ready(), link);
  } else if (message.has_task_accepted()) {
    const v1::TaskAccepted& task = message.task_accepted();
    if (const auto round = RoundOf(task.round(), task.attempt())) round->Accept(client_);
  } else if (message.has_task_failed()) {
    TaskFailed(message.task_failed());
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
  if (std::optional<v1::Refusal> refusal = CheckJoin(join, *parts_.context)) {
    return Refuse(*std::move(refusal), join.client(), link.get());
  }
  const DatasetContext& dataset = parts_.context->datasets.at(join.data().dataset());
  const absl::StatusOr<std::string> session =
      parts_.registry->Attach(join, dataset.config.modality, link);
  if (!session.ok()) {
    return Refuse(MakeRefusal(v1::Refusal::REASON_NAME, session.status(), true), join.client(),
                  link.get());
  }
  client_ = join.client();
  dataset_ = dataset.config.name;
  v1::ServerMessage message;
  *message.mutable_welcome() = MakeWelcome(*parts_.context, dataset);
  message.mutable_welcome()->set_session(*session);
  link->Send(std::move(message));
}

void AttendSession::Ready(const v1::Ready& ready, const std::shared_ptr<ClientLink>& link) {
  const DatasetContext& dataset = parts_.context->datasets.at(dataset_);
  const absl::StatusOr<Manifest> manifest = ManifestFromProto(ready.upload());
  const absl::Status same =
      manifest.ok() ? CheckSameManifest(*manifest, dataset.upload) : manifest.status();
  if (!same.ok()) {
    return Refuse(MakeRefusal(v1::Refusal::REASON_MANIFEST,
                              absl::FailedPreconditionError(absl::StrCat(
                                  "client ", client_, ": its model differs from the run's: ",
                                  same.message(), "; use the run's software version"))),
                  client_, link.get());
  }
  if (!parts_.registry->MarkAttending(client_, link.get())) return;
  v1::ServerMessage message;
  message.mutable_attending();
  link->Send(std::move(message));
  if (const std::optional<ClientInfo> client = parts_.registry->Client(client_)) {
    parts_.events->Emit("client_joined", absl::StrCat(client_, " attends"),
                        {{"client", client_},
                         {"dataset", client->dataset},
                         {"modality", std::string(ModalityName(client->modality))},
                         {"samples", client->samples},
                         {"device", client->device}});
  }
  parts_.coordinator->OnAttending(client_);
}

void AttendSession::TaskFailed(const v1::TaskFailed& failed) {
  const auto round = RoundOf(failed.round(), failed.attempt());
  if (round == nullptr || !round->Fail(client_)) return;
  parts_.events->Emit(
      "task_failed", absl::StrCat(client_, " gives up: ", failed.message()),
      {{"round", failed.round()}, {"client", client_}, {"reason", failed.message()}});
}

void AttendSession::Refuse(v1::Refusal refusal, const std::string& client, ClientLink* link) {
  parts_.events->Emit("client_refused", refusal.message(),
                      {{"client", client}, {"reason", refusal.message()}});
  v1::ServerMessage message;
  *message.mutable_refusal() = std::move(refusal);
  link->Send(std::move(message));
  link->Close();
}

std::shared_ptr<LiveRound> AttendSession::RoundOf(uint32_t round, uint32_t attempt) const {
  std::shared_ptr<LiveRound> live = parts_.coordinator->CurrentRound();
  const bool same = live != nullptr && static_cast<uint32_t>(live->round()) == round &&
                    static_cast<uint32_t>(live->attempt()) == attempt;
  return same ? live : nullptr;
}

void AttendSession::End(const ClientLink* link, const std::string& reason) {
  if (client_.empty() || !parts_.registry->Detach(client_, link)) return;
  const std::string& why = leave_reason_.empty() ? reason : leave_reason_;
  parts_.events->Emit("client_left", absl::StrCat(client_, " left: ", why),
                      {{"client", client_}, {"reason", why}});
  parts_.coordinator->OnLost(client_);
}

}  // namespace tributary
