#include "common/rpc/status_proto.h"

#include <string>

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(StatusProtoTest, EveryCodeSurvivesTheWayThereAndBack) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "tensor x: why");
    EXPECT_EQ(FromGrpcStatus(ToGrpcStatus(status)), status) << code;
  }
  EXPECT_TRUE(FromGrpcStatus(ToGrpcStatus(absl::OkStatus())).ok());
}

TEST(StatusProtoTest, AnErrorWithoutAMessageNamesItsCode) {
  const absl::Status status =
      FromGrpcStatus(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, ""));
  EXPECT_EQ(status.message(), "RESOURCE_EXHAUSTED");
}

TEST(StatusProtoTest, ACodeFromTheFutureIsUnknown) {
  const absl::Status status = FromGrpcStatus(grpc::Status(static_cast<grpc::StatusCode>(30), "x"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnknown);
}

TEST(StatusProtoTest, CutsAMessageThatDoesNotFitATrailer) {
  const absl::Status status = absl::InternalError(std::string(100'000, 'x'));
  EXPECT_EQ(ToGrpcStatus(status).error_message().size(), 4096u);
}

}  // namespace
}  // namespace tributary
