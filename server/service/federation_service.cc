#include "server/service/federation_service.h"

#include "server/service/attend_reactor.h"
#include "server/service/transfer_reactors.h"

namespace tributary {

grpc::ServerBidiReactor<v1::ClientMessage, v1::ServerMessage>* FederationService::Attend(
    grpc::CallbackServerContext* context) {
  return AttendReactor::Start(parts_, IdentityOf(*context->auth_context()));
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* FederationService::PullModel(
    grpc::CallbackServerContext*, const grpc::ByteBuffer* request) {
  return new PullReactor(parts_, *request);
}

grpc::ServerUnaryReactor* FederationService::AskUpdate(grpc::CallbackServerContext* context,
                                                       const v1::UpdateQuery* query,
                                                       v1::UpdateState* state) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::StatusOr<TransferParty> party = FindParty(parts_, query->session(), query->round());
  if (party.ok()) {
    party->round->AwaitTurn(party->client, query->bytes(),
                            [reactor, state, client = party->client, round = party->round] {
                              *state = round->Ask(client);
                              reactor->Finish(grpc::Status::OK);
                            });
    return reactor;
  }
  if (absl::IsFailedPrecondition(party.status())) {
    *state = LateState(party.status());
  } else {
    reactor->Finish(ToGrpcStatus(party.status()));
    return reactor;
  }
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerReadReactor<grpc::ByteBuffer>* FederationService::PushUpdate(
    grpc::CallbackServerContext*, grpc::ByteBuffer* answer) {
  return new PushReactor(parts_, &workers_, answer);
}

}  // namespace tributary
