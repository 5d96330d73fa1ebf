#include "server/round/round_state.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

using Action = RoundDecision::Action;
const absl::Time kStart = absl::UnixEpoch();
const absl::Time kDeadline = kStart + absl::Minutes(10);

RoundState StateOf(std::vector<TaskState> states) {
  RoundState state{.round = 3, .attempt = 0, .deadline = kDeadline, .cohort = {}};
  for (size_t i = 0; i < states.size(); ++i) {
    state.cohort.push_back({"site-" + std::to_string(i), states[i]});
  }
  return state;
}

RoundConfig Config() {
  RoundConfig config;
  config.quorum = 0.5;
  config.grace = absl::Seconds(10);
  return config;
}

TEST(DecideTest, ClosesWhenAllHaveReported) {
  EXPECT_EQ(Decide(kStart, StateOf({TaskState::kReported, TaskState::kReported}), Config()).action,
            Action::kClose);
}

TEST(DecideTest, WaitsBeforeTheDeadlineAndNamesWhom) {
  const RoundDecision decision = Decide(
      kStart, StateOf({TaskState::kReported, TaskState::kAccepted, TaskState::kOffered}), Config());
  EXPECT_EQ(decision.action, Action::kWait);
  EXPECT_EQ(decision.until, kDeadline);
  EXPECT_NE(decision.reason.find("waiting for 2 of 3: site-1, site-2 until"), std::string::npos);
}

TEST(DecideTest, AFailedClientIsNotWaitedFor) {
  EXPECT_EQ(Decide(kStart, StateOf({TaskState::kReported, TaskState::kFailed}), Config()).action,
            Action::kClose);
  EXPECT_EQ(Decide(kStart, StateOf({TaskState::kFailed, TaskState::kFailed}), Config()).action,
            Action::kRetry);
}

TEST(DecideTest, AtTheDeadlineAQuorumCloses) {
  const RoundDecision decision =
      Decide(kDeadline, StateOf({TaskState::kReported, TaskState::kAccepted}), Config());
  EXPECT_EQ(decision.action, Action::kClose);
  EXPECT_NE(decision.reason.find("without site-1"), std::string::npos);
}

TEST(DecideTest, AtTheDeadlineWithoutAQuorumTheRoundIsRetried) {
  const RoundDecision decision =
      Decide(kDeadline, StateOf({TaskState::kReported, TaskState::kAccepted, TaskState::kOffered}),
             Config());
  EXPECT_EQ(decision.action, Action::kRetry);
  EXPECT_NE(decision.reason.find("quorum is 2"), std::string::npos);
}

TEST(DecideTest, AnUpdateUnderWayGetsTheGracePeriod) {
  const RoundState state = StateOf({TaskState::kReported, TaskState::kPushing});
  const RoundDecision decision = Decide(kDeadline, state, Config());
  EXPECT_EQ(decision.action, Action::kWait);
  EXPECT_EQ(decision.until, kDeadline + absl::Seconds(10));
  EXPECT_EQ(Decide(kDeadline + absl::Seconds(10), state, Config()).action, Action::kClose);
}

TEST(QuorumTest, RoundsUpWithoutAskingForOneTooMany) {
  EXPECT_EQ(QuorumOf(10, 0.7), 7);
  EXPECT_EQ(QuorumOf(10, 0.71), 8);
  EXPECT_EQ(QuorumOf(100, 0.55), 55) << "0.55 * 100 is above 55 in double precision";
  EXPECT_EQ(QuorumOf(3, 0), 1);
  EXPECT_EQ(QuorumOf(8, 1), 8);
}

TEST(DecideStartTest, StartsWhenEverybodyAttends) {
  EXPECT_EQ(DecideStart(kStart, {4, 4, true, kStart}, absl::Minutes(1)).action, Action::kClose);
}

TEST(DecideStartTest, WaitsForTheMissingUntilPatienceEnds) {
  const Attendance attendance{4, 3, true, kStart};
  const RoundDecision decision = DecideStart(kStart, attendance, absl::Minutes(1));
  EXPECT_EQ(decision.action, Action::kWait);
  EXPECT_EQ(decision.until, kStart + absl::Minutes(1));
  EXPECT_NE(decision.reason.find("3 of 4"), std::string::npos);
  EXPECT_EQ(DecideStart(kStart + absl::Minutes(1), attendance, absl::Minutes(1)).action,
            Action::kClose);
}

TEST(DecideStartTest, ADatasetWithoutClientsIsWaitedForHoweverLong) {
  const Attendance attendance{4, 3, false, kStart};
  EXPECT_EQ(DecideStart(kStart + absl::Hours(9), attendance, absl::Minutes(1)).action,
            Action::kWait);
}

}  // namespace
}  // namespace tributary
