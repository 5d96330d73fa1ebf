// The Operator service: status, events, stop.
#pragma once

#include "common/base/clock.h"
#include "server/service/service_dependencies.h"
#include "tributary/v1/operator.grpc.pb.h"

namespace tributary {

class OperatorService final : public v1::Operator::CallbackService {
 public:
  OperatorService(const ServiceDependencies& dependencies, const Clock* clock)
      : deps_(dependencies), clock_(clock) {}

  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::StatusRequest* request,
                                      v1::RunStatus* status) override;
  grpc::ServerWriteReactor<v1::Event>* WatchEvents(grpc::CallbackServerContext* context,
                                                   const v1::WatchRequest* request) override;
  grpc::ServerUnaryReactor* Stop(grpc::CallbackServerContext* context,
                                 const v1::StopRequest* request, v1::StopReply* reply) override;

 private:
  const ServiceDependencies deps_;
  const Clock* const clock_;
};

}  // namespace tributary
