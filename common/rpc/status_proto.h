// absl::Status and grpc::Status: the same codes under two types.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace tributary {

// An unknown code number becomes kUnknown. An error without a message gets the code's name.
absl::Status FromGrpcStatus(const grpc::Status& status);
// Messages longer than 4 KiB are cut, because they travel in a trailer, which gRPC bounds.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace tributary
