// The Federation service: reactors that read and write, and delegate everything else.
//
// gRPC's callback API: a stream costs an object, not a thread. Chunks of a pull are slices of the
// round's encoded model, written by reference and shared by all streams.
#pragma once

#include "server/service/attend_session.h"
#include "server/service/workers.h"
#include "tributary/v1/federation.grpc.pb.h"

namespace tributary {

class FederationService final
    : public v1::Federation::WithRawCallbackMethod_PullModel<v1::Federation::CallbackService> {
 public:
  // Updates are verified and added on `verify_threads` threads of the service's own.
  FederationService(const ServiceParts& parts, int verify_threads)
      : parts_(parts), workers_(verify_threads) {}

  grpc::ServerBidiReactor<v1::ClientMessage, v1::ServerMessage>* Attend(
      grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* PullModel(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* AskUpdate(grpc::CallbackServerContext* context,
                                      const v1::UpdateQuery* query,
                                      v1::UpdateState* state) override;
  grpc::ServerReadReactor<v1::PushMessage>* PushUpdate(grpc::CallbackServerContext* context,
                                                       v1::UpdateState* state) override;

 private:
  const ServiceParts parts_;
  WorkerPool workers_;
};

}  // namespace tributary
