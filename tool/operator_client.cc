#include "tool/operator_client.h"

#include <optional>

#include <grpcpp/client_context.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/host_port.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials.h"
#include "common/rpc/proxy.h"
#include "common/rpc/status_proto.h"

namespace tributary {
namespace {

// Longer than a busy coordinator needs, short enough for a person who waits at a prompt.
constexpr absl::Duration kAnswerWithin = absl::Seconds(5);

}  // namespace

absl::StatusOr<OperatorClient> OperatorClient::Dial(const OperatorAddress& address) {
  RETURN_IF_ERROR(Annotate(CheckHostPort(address.server, 1), "--server"));
  ASSIGN_OR_RETURN(const auto credentials, MakeChannelCredentials(address.tls, address.server));
  OperatorClient client(address.server);
  client.stub_ = v1::Operator::NewStub(MakeChannel(address.server, credentials));
  return client;
}

absl::Status OperatorClient::Explain(const grpc::Status& status) const {
  const absl::Status plain = FromGrpcStatus(status);
  if (absl::IsUnimplemented(plain)) {
    return absl::FailedPreconditionError(absl::StrCat("the coordinator at ", server_,
                                                      " does not know this command; update it (",
                                                      plain.message(), ")"));
  }
  if (!absl::IsUnavailable(plain) && !absl::IsDeadlineExceeded(plain)) return plain;
  const std::optional<Proxy> proxy = ProxyFor(server_);
  return absl::UnavailableError(absl::StrCat(
      "no coordinator answers at ", server_,
      proxy ? absl::StrCat(" through the proxy ", proxy->address, " of ", proxy->variable) : "",
      " (", plain.message(),
      "); check the address, whether it runs, and whether both sides use TLS or neither"));
}

absl::Status OperatorClient::Call(
    const std::function<grpc::Status(grpc::ClientContext*)>& call) const {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kAnswerWithin));
  const grpc::Status answer = call(&context);
  return answer.ok() ? absl::OkStatus() : Explain(answer);
}

absl::StatusOr<v1::RunStatus> OperatorClient::GetStatus() {
  v1::RunStatus status;
  RETURN_IF_ERROR(
      Call([&](auto* context) { return stub_->GetStatus(context, v1::StatusRequest(), &status); }));
  return status;
}

absl::Status OperatorClient::Watch(const v1::WatchRequest& request,
                                   const std::function<void(const v1::Event&)>& on_event) {
  // The stream has no deadline, since it may last as long as the run. This call has one, so that a
  // wrong address is reported within seconds.
  RETURN_IF_ERROR(GetStatus().status());
  grpc::ClientContext context;
  const auto stream = stub_->WatchEvents(&context, request);
  for (v1::Event event; stream->Read(&event);) on_event(event);
  const grpc::Status end = stream->Finish();
  return end.ok() ? absl::OkStatus() : Explain(end);
}

absl::Status OperatorClient::Pause(const std::string& reason) {
  v1::PauseRequest request;
  request.set_reason(reason);
  v1::ActionReply reply;
  return Call([&](auto* context) { return stub_->Pause(context, request, &reply); });
}

absl::Status OperatorClient::Resume() {
  v1::ActionReply reply;
  return Call([&](auto* context) { return stub_->Resume(context, v1::ResumeRequest(), &reply); });
}

absl::Status OperatorClient::Stop(const std::string& reason) {
  v1::StopRequest request;
  request.set_reason(reason);
  v1::StopReply reply;
  return Call([&](auto* context) { return stub_->Stop(context, request, &reply); });
}

absl::Status OperatorClient::Evict(const std::string& client, const std::string& reason) {
  v1::EvictRequest request;
  request.set_client(client);
  request.set_reason(reason);
  v1::ActionReply reply;
  return Call([&](auto* context) { return stub_->Evict(context, request, &reply); });
}

absl::Status OperatorClient::Forgive(const std::string& client) {
  v1::ForgiveRequest request;
  request.set_client(client);
  v1::ActionReply reply;
  return Call([&](auto* context) { return stub_->Forgive(context, request, &reply); });
}

absl::Status OperatorClient::SetRounds(uint32_t rounds) {
  v1::SetRoundsRequest request;
  request.set_rounds(rounds);
  v1::ActionReply reply;
  return Call([&](auto* context) { return stub_->SetRounds(context, request, &reply); });
}

}  // namespace tributary
