#include "common/base/status.h"

#include <cerrno>

#include <gtest/gtest.h>

#include "absl/status/statusor.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

TEST(StatusTest, ExitCodesFollowTheDocumentedTable) {
  EXPECT_EQ(ExitCodeFor(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeFor(absl::InternalError("")), 1);
  EXPECT_EQ(ExitCodeFor(absl::UnavailableError("")), 1);
  EXPECT_EQ(ExitCodeFor(absl::InvalidArgumentError("")), 2);
  EXPECT_EQ(ExitCodeFor(absl::NotFoundError("")), 3);
  EXPECT_EQ(ExitCodeFor(absl::DataLossError("")), 3);
  EXPECT_EQ(ExitCodeFor(absl::PermissionDeniedError("")), 4);
}

TEST(StatusTest, ErrnoBecomesACodeAndWords) {
  const absl::Status full = ErrnoStatus(ENOSPC, "cannot write x");
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(full.message(), "cannot write x: No space left on device");
  EXPECT_EQ(ErrnoStatus(EROFS, "").code(), absl::StatusCode::kPermissionDenied);
}

TEST(StatusTest, AnnotateKeepsTheCode) {
  EXPECT_TRUE(Annotate(absl::OkStatus(), "round 3").ok());
  EXPECT_EQ(Annotate(absl::DataLossError("bad"), "round 3"), absl::DataLossError("round 3: bad"));
}

absl::StatusOr<int> Half(int number) {
  if (number % 2 != 0) return absl::InvalidArgumentError("odd");
  return number / 2;
}

absl::StatusOr<int> Quarter(int number) {
  ASSIGN_OR_RETURN(const int half, Half(number));
  RETURN_IF_ERROR(Half(half).status());
  return Half(half);
}

TEST(StatusTest, MacrosReturnEarly) {
  EXPECT_EQ(*Quarter(12), 3);
  EXPECT_FALSE(Quarter(7).ok());
  EXPECT_FALSE(Quarter(6).ok());
}

}  // namespace
}  // namespace tributary
