#include "client/daemon/transfer_retry.h"

#include <memory>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::HasSubstr;

class TransferRetryTest : public ::testing::Test {
 protected:
  TransferRetryTest() {
    timings_.retry = {.first = absl::Microseconds(10), .most = absl::Microseconds(100)};
    timings_.transfer = absl::Seconds(60);
    timings_.longest_transfer = absl::Seconds(200);
    gate_.Open(terms_);
  }
  TransferRetry Make() {
    return TransferRetry("pulling", timings_, &gate_, &token_, RandomStream(1, "retry"));
  }

  Timings timings_;
  WorkGate gate_;
  CancelToken token_;
  const WorkGate::Terms terms_ = std::make_shared<const SessionTerms>();
};

TEST_F(TransferRetryTest, GoesOnAsLongAsTheFaultMayPass) {
  TransferRetry retry = Make();
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(retry.Consider(absl::UnavailableError("x"), false, terms_).ok());
  }
}

TEST_F(TransferRetryTest, GivesUpWhenTheSameSessionSaysNoThreeTimes) {
  TransferRetry retry = Make();
  const absl::Status no = absl::FailedPreconditionError("no such round");
  EXPECT_TRUE(retry.Consider(no, false, terms_).ok());
  EXPECT_TRUE(retry.Consider(no, false, terms_).ok());
  const absl::Status status = retry.Consider(no, false, terms_);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("pulling: no such round"));
}

TEST_F(TransferRetryTest, ANoToAnEarlierSessionDoesNotCount) {
  TransferRetry retry = Make();
  const absl::Status no = absl::UnauthenticatedError("unknown session");
  const auto earlier = std::make_shared<const SessionTerms>();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(retry.Consider(no, false, earlier).ok());
}

TEST_F(TransferRetryTest, WhatMovesOnIsNotHopeless) {
  TransferRetry retry = Make();
  const absl::Status no = absl::DataLossError("checksum");
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(retry.Consider(no, true, terms_).ok());
}

TEST_F(TransferRetryTest, GivesASlowConnectionMoreTimeUpToALimit) {
  TransferRetry retry = Make();
  const absl::Status slow = absl::DeadlineExceededError("slow");
  EXPECT_TRUE(retry.Consider(slow, true, terms_).ok());
  EXPECT_EQ(retry.limit(), absl::Seconds(60));
  EXPECT_TRUE(retry.Consider(slow, false, terms_).ok());
  EXPECT_EQ(retry.limit(), absl::Seconds(120));
  EXPECT_TRUE(retry.Consider(slow, false, terms_).ok());
  EXPECT_EQ(retry.limit(), absl::Seconds(200));
}

TEST_F(TransferRetryTest, CancellingEndsAWait) {
  timings_.retry = {.first = absl::Hours(1), .most = absl::Hours(1)};
  TransferRetry retry = Make();
  std::thread canceller([this] { gate_.Cancel(&token_, "enough"); });
  const absl::Status status = retry.Consider(absl::UnavailableError("x"), false, terms_);
  canceller.join();
  EXPECT_EQ(status, absl::CancelledError("enough"));
}

TEST_F(TransferRetryTest, ANewSessionEndsAWait) {
  timings_.retry = {.first = absl::Hours(1), .most = absl::Hours(1)};
  TransferRetry retry = Make();
  std::thread opener([this] { gate_.Open(std::make_shared<const SessionTerms>()); });
  EXPECT_TRUE(retry.Consider(absl::UnavailableError("x"), false, terms_).ok());
  opener.join();
}

}  // namespace
}  // namespace tributary
