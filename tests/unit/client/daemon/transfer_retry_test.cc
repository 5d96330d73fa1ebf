#include "client/daemon/transfer_retry.h"

#include <algorithm>
#include <iterator>
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

TEST_F(TransferRetryTest, OnlyFaultsThatStayAreCounted) {
  const absl::StatusCode passing[] = {absl::StatusCode::kUnavailable,
                                      absl::StatusCode::kDeadlineExceeded,
                                      absl::StatusCode::kCancelled, absl::StatusCode::kAborted,
                                      absl::StatusCode::kResourceExhausted};
  for (int number = 1; number <= 16; ++number) {
    const auto code = static_cast<absl::StatusCode>(number);
    const bool passes =
        std::find(std::begin(passing), std::end(passing), code) != std::end(passing);
    TransferRetry retry = Make();
    absl::Status last;
    for (int i = 0; i < 3; ++i) last = retry.Consider(absl::Status(code, "x"), false, terms_);
    EXPECT_EQ(last.ok(), passes) << absl::StatusCodeToString(code);
    if (!passes) {
      EXPECT_EQ(last.code(), code);
    }
  }
}

TEST_F(TransferRetryTest, OnlyANoInARowCounts) {
  TransferRetry retry = Make();
  const absl::Status no = absl::NotFoundError("no");
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(retry.Consider(no, false, terms_).ok());
    EXPECT_TRUE(retry.Consider(no, false, terms_).ok());
    EXPECT_TRUE(retry.Consider(absl::UnavailableError("x"), false, terms_).ok());
  }
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(retry.Consider(no, false, terms_).ok());
  EXPECT_TRUE(retry.Consider(no, true, terms_).ok()) << "something moved on";
  EXPECT_TRUE(retry.Consider(no, false, terms_).ok());
  EXPECT_FALSE(retry.Consider(no, false, terms_).ok());
}

TEST_F(TransferRetryTest, OtherFaultsThanSlownessLeaveTheLimit) {
  TransferRetry retry = Make();
  EXPECT_EQ(retry.limit(), absl::Seconds(60));
  EXPECT_TRUE(retry.Consider(absl::UnavailableError("x"), false, terms_).ok());
  EXPECT_EQ(retry.limit(), absl::Seconds(60));
}

TEST_F(TransferRetryTest, ACancelledTaskIsNotTriedAgainWhateverItsStatus) {
  TransferRetry retry = Make();
  gate_.Cancel(&token_, "moved on");
  EXPECT_EQ(retry.Consider(absl::DataLossError("x"), true, terms_),
            absl::CancelledError("moved on"));
}

TEST_F(TransferRetryTest, AfterAnotherSessionHasOpenedThereIsNothingToWaitFor) {
  timings_.retry = {.first = absl::Hours(1), .most = absl::Hours(1)};
  TransferRetry retry = Make();
  const auto earlier = std::make_shared<const SessionTerms>();
  EXPECT_TRUE(retry.Consider(absl::UnavailableError("x"), false, earlier).ok());
  gate_.Close();
  EXPECT_TRUE(retry.Consider(absl::UnavailableError("x"), false, terms_).ok())
      << "whoever waits for a session waits at the gate";
}

}  // namespace
}  // namespace tributary
