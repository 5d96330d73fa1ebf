// Calls of the coordinator's Operator service.
#pragma once

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
  // Calls `on_event` with each event from `first_sequence` on until the run ends or the stream
  // breaks.
  absl::Status Watch(uint64_t first_sequence,
                     const std::function<void(const v1::Event&)>& on_event);

 private:
  explicit OperatorClient(std::string server) : server_(std::move(server)) {}
  absl::Status Explain(const grpc::Status& status) const;

  std::string server_;
  std::unique_ptr<v1::Operator::Stub> stub_;
};

}  // namespace tributary
