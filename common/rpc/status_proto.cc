#include "common/rpc/status_proto.h"

#include <string>

namespace tributary {
namespace {

// gRPC refuses trailers above 8 KiB, and the status with them. Half of that leaves room for the
// percent-encoding of what is not ASCII.
constexpr size_t kMostMessageBytes = 4096;

}  // namespace

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const int number = status.error_code();
  // Abseil and gRPC number the 16 codes alike; a peer may send any number.
  const absl::StatusCode code = number > 0 && number <= 16 ? static_cast<absl::StatusCode>(number)
                                                           : absl::StatusCode::kUnknown;
  const std::string& message = status.error_message();
  return absl::Status(code, message.empty() ? absl::StatusCodeToString(code) : message);
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const absl::string_view message = status.message().substr(0, kMostMessageBytes);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(message.data(), message.size()));
}

}  // namespace tributary
