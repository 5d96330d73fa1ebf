#include "client/daemon/progress_board.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

class ProgressBoardTest : public ::testing::Test {
 protected:
  int changes_ = 0;
  ProgressBoard board_{[this] { ++changes_; }};
};

TEST_F(ProgressBoardTest, AnIdleWorkerHasNoProgress) {
  EXPECT_FALSE(board_.Take().has_value());
  board_.Step(1, 2, 3);
  board_.Stage("train");
  EXPECT_FALSE(board_.Take().has_value());
}

TEST_F(ProgressBoardTest, TheLossIsTheMeanSinceTheLastReport) {
  board_.Begin(7);
  board_.Stage("train");
  board_.Step(1, 10, 4);
  board_.Step(2, 10, 2);
  std::optional<v1::Progress> progress = board_.Take();
  ASSERT_TRUE(progress.has_value());
  EXPECT_EQ(progress->round(), 7u);
  EXPECT_EQ(progress->step(), 2u);
  EXPECT_EQ(progress->steps(), 10u);
  EXPECT_EQ(progress->stage(), "train");
  EXPECT_EQ(progress->loss(), 3);
  board_.Step(3, 10, 1);
  EXPECT_EQ(board_.Take()->loss(), 1);
  EXPECT_EQ(board_.Take()->loss(), 1);  // no step since: the last known
}

TEST_F(ProgressBoardTest, AnotherTaskBeginsWithoutTheOldOnesLoss) {
  board_.Begin(1);
  board_.Step(1, 2, 100);
  board_.End();
  EXPECT_FALSE(board_.Take().has_value());
  board_.Begin(2);
  EXPECT_EQ(board_.Take()->loss(), 0);
}

TEST_F(ProgressBoardTest, TellsOfTheFirstChangeAfterEachReportOnly) {
  board_.Begin(1);
  board_.Step(1, 3, 1);
  board_.Step(2, 3, 1);
  EXPECT_EQ(changes_, 1);
  EXPECT_TRUE(board_.changed());
  board_.Take();
  EXPECT_FALSE(board_.changed());
  board_.Step(3, 3, 1);
  EXPECT_EQ(changes_, 2);
}

}  // namespace
}  // namespace tributary
