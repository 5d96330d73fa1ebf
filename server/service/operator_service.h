// The Operator service: status, events, and what an operator does to a run.
#pragma once

#include "common/base/clock.h"
#include "server/round/run_operator.h"
#include "server/service/service_dependencies.h"
#include "tributary/v1/operator.grpc.pb.h"

namespace tributary {

class OperatorService final : public v1::Operator::CallbackService {
 public:
  OperatorService(const ServiceDependencies& dependencies, const Clock* clock)
      : deps_(dependencies),
        clock_(clock),
        operator_(deps_.coordinator, deps_.registry, deps_.events, clock) {}

  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::StatusRequest* request,
                                      v1::RunStatus* status) override;
  grpc::ServerWriteReactor<v1::Event>* WatchEvents(grpc::CallbackServerContext* context,
                                                   const v1::WatchRequest* request) override;
  grpc::ServerUnaryReactor* Stop(grpc::CallbackServerContext* context,
                                 const v1::StopRequest* request, v1::StopReply* reply) override;
  grpc::ServerUnaryReactor* Pause(grpc::CallbackServerContext* context,
                                  const v1::PauseRequest* request, v1::ActionReply* reply) override;
  grpc::ServerUnaryReactor* Resume(grpc::CallbackServerContext* context,
                                   const v1::ResumeRequest* request,
                                   v1::ActionReply* reply) override;
  grpc::ServerUnaryReactor* Evict(grpc::CallbackServerContext* context,
                                  const v1::EvictRequest* request, v1::ActionReply* reply) override;
  grpc::ServerUnaryReactor* Forgive(grpc::CallbackServerContext* context,
                                    const v1::ForgiveRequest* request,
                                    v1::ActionReply* reply) override;
  grpc::ServerUnaryReactor* SetRounds(grpc::CallbackServerContext* context,
                                      const v1::SetRoundsRequest* request,
                                      v1::ActionReply* reply) override;

 private:
  const ServiceDependencies deps_;
  const Clock* const clock_;
  RunOperator operator_;
};

}  // namespace tributary
