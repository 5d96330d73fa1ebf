#include "server/round/round_goal.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::HasSubstr;

const auto kRecorded = [] { return absl::OkStatus(); };

TEST(RoundGoalTest, WantsTheRoundsOfTheRunFile) {
  RoundGoal goal(3);
  EXPECT_TRUE(goal.Wants(1));
  EXPECT_TRUE(goal.Wants(3));
  EXPECT_FALSE(goal.Wants(4));
}

TEST(RoundGoalTest, MayBeRaisedAndLowered) {
  RoundGoal goal(3);
  EXPECT_TRUE(goal.Set(5, kRecorded).ok());
  EXPECT_TRUE(goal.Wants(5));
  EXPECT_TRUE(goal.Set(1, kRecorded).ok());
  EXPECT_EQ(goal.rounds(), 1);
  EXPECT_FALSE(goal.Wants(2));
}

TEST(RoundGoalTest, RoundsThatAreDoneStay) {
  RoundGoal goal(9);
  goal.Begin(4, /*evaluated=*/true);
  const absl::Status status = goal.Set(3, kRecorded);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("from 4"));
  EXPECT_TRUE(goal.Set(4, kRecorded).ok());
}

TEST(RoundGoalTest, TheLastRoundIsOneThatIsEvaluated) {
  RoundGoal goal(9);
  goal.Begin(4, /*evaluated=*/false);
  EXPECT_FALSE(goal.Set(4, kRecorded).ok());
  EXPECT_TRUE(goal.Set(5, kRecorded).ok());
  EXPECT_TRUE(goal.DecideEvaluation(5, 10)) << "it has become the last";
  EXPECT_TRUE(goal.Set(7, kRecorded).ok());
  EXPECT_FALSE(goal.DecideEvaluation(6, 10));
  EXPECT_FALSE(goal.Set(6, kRecorded).ok()) << "its merge is past the decision";
  EXPECT_TRUE(goal.DecideEvaluation(7, 10));
}

TEST(RoundGoalTest, AFinishedRunHasItsNumber) {
  RoundGoal goal(1);
  EXPECT_FALSE(goal.Wants(2));
  EXPECT_TRUE(absl::IsFailedPrecondition(goal.Set(3, kRecorded)));
}

TEST(RoundGoalTest, WhatCannotBeRecordedIsNotSet) {
  RoundGoal goal(3);
  EXPECT_TRUE(absl::IsResourceExhausted(
      goal.Set(5, [] { return absl::ResourceExhaustedError("disk full"); })));
  EXPECT_EQ(goal.rounds(), 3);
  EXPECT_FALSE(goal.Set(0, kRecorded).ok());
  EXPECT_FALSE(goal.Set(RoundGoal::kMostRounds + 1, kRecorded).ok());
}

}  // namespace
}  // namespace tributary
