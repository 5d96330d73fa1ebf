#include "server/service/federation_service.h"

#include "server/service/attend_reactor.h"
#include "server/service/transfer_reactors.h"

namespace tributary {

grpc::ServerBidiReactor<v1::ClientMessage, v1::ServerMessage>* FederationService::Attend(
    grpc::CallbackServerContext* context) {
  return AttendReactor::Start(deps_, IdentityOf(*context->auth_context()));
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* FederationService::PullModel(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* request) {
  return new PullReactor(deps_, *request);
}

grpc::ServerUnaryReactor* FederationService::AskUpdate(grpc::CallbackServerContext* context,
                                                       const v1::UpdateQuery* query,
                                                       v1::UpdateState* state) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  AnswerQuery(deps_, *query, [reactor, state](const TransferEnd& end) {
    if (end.ok()) *state = *end;
    reactor->Finish(ToGrpcStatus(end.status()));
  });
  return reactor;
}

grpc::ServerUnaryReactor* FederationService::ReportEvaluation(grpc::CallbackServerContext* context,
                                                              const v1::EvaluationReport* report,
                                                              v1::UpdateState* state) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const TransferEnd end = TakeEvaluation(deps_, *report);
  if (end.ok()) *state = *end;
  reactor->Finish(ToGrpcStatus(end.status()));
  return reactor;
}

grpc::ServerReadReactor<grpc::ByteBuffer>* FederationService::PushUpdate(
    grpc::CallbackServerContext*, grpc::ByteBuffer* answer) {
  return new PushReactor(deps_, &workers_, answer);
}

}  // namespace tributary
