#include "server/round/run_operator.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/protocol.h"

namespace tributary {

absl::Status RunOperator::Pause(const std::string& by, const std::string& reason) {
  RETURN_IF_ERROR(coordinator_->control().Pause(Mark(by, reason)));
  events_.OperatorAction("pause", by, reason, {});
  coordinator_->Wake();
  return absl::OkStatus();
}

absl::Status RunOperator::Resume(const std::string& by) {
  RETURN_IF_ERROR(coordinator_->control().Resume());
  events_.OperatorAction("resume", by, "", {});
  coordinator_->Wake();
  return absl::OkStatus();
}

absl::Status RunOperator::Stop(const std::string& by, const std::string& reason) {
  events_.OperatorAction("stop", by, reason, {});
  coordinator_->Stop(absl::StrCat("by operator ", by, reason.empty() ? "" : ": ", reason));
  return absl::OkStatus();
}

absl::Status RunOperator::Evict(const std::string& client, const std::string& by,
                                const std::string& reason) {
  RETURN_IF_ERROR(CheckClientName(client));
  const OperatorMark mark = Mark(by, reason);
  RETURN_IF_ERROR(coordinator_->control().Evict(client, mark));
  events_.OperatorAction("evict", by, reason, {{"client", client}});
  const std::string words = absl::StrCat("evicted ", InWords(mark));
  v1::ServerMessage message;
  message.mutable_shutdown()->set_reason(v1::Shutdown::REASON_EVICTED);
  message.mutable_shutdown()->set_message(words);
  // A client that joins at this moment is caught by AttendSession, which looks after it has linked.
  if (registry_->Disconnect(client, std::move(message))) coordinator_->OnLeft(client, words);
  coordinator_->GiveUpOn(client, words);
  return absl::OkStatus();
}

absl::Status RunOperator::Forgive(const std::string& client, const std::string& by) {
  RETURN_IF_ERROR(coordinator_->control().Forgive(client));
  events_.OperatorAction("forgive", by, "", {{"client", client}});
  coordinator_->Wake();
  return absl::OkStatus();
}

absl::Status RunOperator::SetRounds(int rounds, const std::string& by) {
  RETURN_IF_ERROR(coordinator_->SetRounds(rounds, Mark(by, "")));
  events_.OperatorAction("set", by, "", {{"rounds", rounds}});
  coordinator_->Wake();
  return absl::OkStatus();
}

}  // namespace tributary
