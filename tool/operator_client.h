// Calls of the coordinator's Operator service.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/config/run_config.h"
#include "tributary/v1/operator.grpc.pb.h"

namespace tributary {

// Where the coordinator is, and with which certificate to ask it.
struct OperatorAddress {
  std::string server = "127.0.0.1:7700";
  TlsConfig tls;
};

class OperatorClient {
 public:
  // Errors of the certificate files, or of plain text where it is not allowed.
  static absl::StatusOr<OperatorClient> Dial(const OperatorAddress& address);

  // Unavailable, with the address and what to check, if nobody answers within five seconds.
  absl::StatusOr<v1::RunStatus> GetStatus();
  // Calls `on_event` with each event that `request` asks for until the run ends or the stream
  // breaks.
  absl::Status Watch(const v1::WatchRequest& request,
                     const std::function<void(const v1::Event&)>& on_event);

  // What the coordinator says to an operator's action. Unavailable as for GetStatus(); its own
  // refusals as they are (FailedPrecondition, NotFound, InvalidArgument, PermissionDenied).
  absl::Status Pause(const std::string& reason);
  absl::Status Resume();
  absl::Status Stop(const std::string& reason);
  absl::Status Evict(const std::string& client, const std::string& reason);
  absl::Status Forgive(const std::string& client);
  absl::Status SetRounds(uint32_t rounds);

 private:
  explicit OperatorClient(std::string server) : server_(std::move(server)) {}
  absl::Status Explain(const grpc::Status& status) const;
  // A call that is answered within seconds.
  absl::Status Call(const std::function<grpc::Status(grpc::ClientContext*)>& call) const;

  std::string server_;
  std::unique_ptr<v1::Operator::Stub> stub_;
};

}  // namespace tributary
