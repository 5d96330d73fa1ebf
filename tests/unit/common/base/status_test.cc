#include "common/base/status.h"

#include <cerrno>
#include <memory>
#include <string>

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

TEST(StatusTest, EveryCodeHasItsExitCode) {
  const std::pair<absl::StatusCode, ExitCode> cases[] = {
      {absl::StatusCode::kCancelled, kExitFailed},
      {absl::StatusCode::kUnknown, kExitFailed},
      {absl::StatusCode::kInvalidArgument, kExitUsage},
      {absl::StatusCode::kDeadlineExceeded, kExitFailed},
      {absl::StatusCode::kNotFound, kExitUnusable},
      {absl::StatusCode::kAlreadyExists, kExitFailed},
      {absl::StatusCode::kPermissionDenied, kExitNotPermitted},
      {absl::StatusCode::kResourceExhausted, kExitUnusable},
      {absl::StatusCode::kFailedPrecondition, kExitUnusable},
      {absl::StatusCode::kAborted, kExitFailed},
      {absl::StatusCode::kOutOfRange, kExitFailed},
      {absl::StatusCode::kUnimplemented, kExitFailed},
      {absl::StatusCode::kInternal, kExitFailed},
      {absl::StatusCode::kUnavailable, kExitFailed},
      {absl::StatusCode::kDataLoss, kExitUnusable},
      {absl::StatusCode::kUnauthenticated, kExitNotPermitted}};
  for (const auto& [code, expected] : cases) {
    EXPECT_EQ(ExitCodeFor(absl::Status(code, "x")), expected) << static_cast<int>(code);
  }
}

TEST(StatusTest, EveryErrnoHasACode) {
  const std::pair<int, absl::StatusCode> cases[] = {{ENOENT, absl::StatusCode::kNotFound},
                                                    {ENOTDIR, absl::StatusCode::kNotFound},
                                                    {EACCES, absl::StatusCode::kPermissionDenied},
                                                    {EPERM, absl::StatusCode::kPermissionDenied},
                                                    {EROFS, absl::StatusCode::kPermissionDenied},
                                                    {ENOSPC, absl::StatusCode::kResourceExhausted},
                                                    {EDQUOT, absl::StatusCode::kResourceExhausted},
                                                    {EIO, absl::StatusCode::kInternal},
                                                    {EISDIR, absl::StatusCode::kInternal},
                                                    {0, absl::StatusCode::kInternal}};
  for (const auto& [number, code] : cases) {
    const absl::Status status = ErrnoStatus(number, "cannot open x");
    EXPECT_EQ(status.code(), code) << number;
    EXPECT_EQ(status.message().substr(0, 15), "cannot open x: ") << number;
  }
}

TEST(StatusTest, AnErrorCanBeAnnotatedTwice) {
  const absl::Status status = Annotate(Annotate(absl::AbortedError("why"), "tensor w"), "round 3");
  EXPECT_EQ(status, absl::AbortedError("round 3: tensor w: why"));
}

absl::StatusOr<std::unique_ptr<int>> Boxed(int number) {
  if (number < 0) return absl::OutOfRangeError("negative");
  return std::make_unique<int>(number);
}

// Counts how often the macro's expression is evaluated.
absl::StatusOr<std::unique_ptr<int>> Twice(int number, int* evaluations) {
  const auto counted = [&] {
    ++*evaluations;
    return Boxed(number);
  };
  ASSIGN_OR_RETURN(std::unique_ptr<int> box, counted());
  *box *= 2;
  return box;
}

TEST(StatusTest, AssignMovesTheValueOutAndEvaluatesOnce) {
  int evaluations = 0;
  EXPECT_EQ(**Twice(21, &evaluations), 42);
  EXPECT_EQ(evaluations, 1);
  EXPECT_EQ(Twice(-1, &evaluations).status(), absl::OutOfRangeError("negative"));
  EXPECT_EQ(evaluations, 2);
}

TEST(StatusTest, AssignTakesAVariableThatIsThere) {
  const auto sum = [](int first, int second) -> absl::StatusOr<int> {
    int half = 0;
    ASSIGN_OR_RETURN(half, Half(first));
    const int kept = half;
    ASSIGN_OR_RETURN(half, Half(second));
    return kept + half;
  };
  EXPECT_EQ(*sum(2, 8), 5);
  EXPECT_EQ(sum(2, 7).status(), absl::InvalidArgumentError("odd"));
}

absl::Status ReturnAt(int which, int* reached) {
  for (int i = 0; i < 3; ++i) {
    *reached = i;
    RETURN_IF_ERROR(i == which ? absl::AbortedError("stop") : absl::OkStatus());
  }
  return absl::OkStatus();
}

TEST(StatusTest, ReturnIfErrorGoesOnWhileAllIsWell) {
  int reached = -1;
  EXPECT_EQ(ReturnAt(1, &reached), absl::AbortedError("stop"));
  EXPECT_EQ(reached, 1);
  EXPECT_TRUE(ReturnAt(7, &reached).ok());
  EXPECT_EQ(reached, 2);
}

}  // namespace
}  // namespace tributary
