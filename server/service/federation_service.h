// The Federation service: reactors that read and write, and delegate everything else.
//
// gRPC's callback API: a stream costs an object, not a thread. Bulk streams carry bytes: chunks of
// a pull are slices of the round's encoded model, written by reference and shared by all streams;
// those of a push are copied once, to where they are verified and kept.
#pragma once

#include "server/service/service_dependencies.h"
#include "server/service/workers.h"
#include "tributary/v1/federation.grpc.pb.h"

namespace tributary {

class FederationService final
    : public v1::Federation::WithRawCallbackMethod_PullModel<
          v1::Federation::WithRawCallbackMethod_PushUpdate<v1::Federation::CallbackService>> {
 public:
  // Updates are added on `threads` threads of the service's own.
  FederationService(const ServiceDependencies& dependencies, int threads)
      : deps_(dependencies), workers_(threads) {}

  grpc::ServerBidiReactor<v1::ClientMessage, v1::ServerMessage>* Attend(
      grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* PullModel(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* AskUpdate(grpc::CallbackServerContext* context,
                                      const v1::UpdateQuery* query,
                                      v1::UpdateState* state) override;
  grpc::ServerUnaryReactor* ReportEvaluation(grpc::CallbackServerContext* context,
                                             const v1::EvaluationReport* report,
                                             v1::UpdateState* state) override;
  grpc::ServerReadReactor<grpc::ByteBuffer>* PushUpdate(grpc::CallbackServerContext* context,
                                                        grpc::ByteBuffer* answer) override;

 private:
  const ServiceDependencies deps_;
  WorkerPool workers_;
};

}  // namespace tributary
