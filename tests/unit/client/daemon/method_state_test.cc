// What a method keeps on a client counts once the round's update was merged.
#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/scratch_folder.h"
#include "tests/unit/client/daemon/fake_coordinator.h"
#include "tests/unit/client/daemon/fake_trainer.h"
#include "tests/unit/client/daemon/running_daemon.h"

namespace tributary {
namespace {

using Body = v1::ClientMessage::BodyCase;

class MethodStateTest : public testing::Test {
 protected:
  MethodStateTest() { StartClient(); }

  void StartClient() {
    client_.reset();
    client_ = std::make_unique<RunningDaemon>(coordinator_.address(), state_,
                                              training_.Factory(coordinator_.upload()));
    coordinator_.Await(Body::kReady);
  }
  // Trains `round`, which leaves the number `left`. Returns what it got: 0 for nothing.
  float Round(uint32_t round, uint32_t merged_round, float left) {
    StateDict state;
    EXPECT_TRUE(state.Add("control.w", {{1}, {left}}).ok());
    training_.SetMethodState(std::move(state));
    coordinator_.Offer(round, 1, v1::CODEC_F32, merged_round);
    coordinator_.AwaitUpdate(round);
    const StateDict got = training_.method_state();
    return got.empty() ? 0 : got.Find("control.w")->values[0];
  }
  std::string folder() const { return state_ + "/method_state"; }

  FakeCoordinator coordinator_;
  FakeTraining training_;
  const ScratchFolder scratch_;
  const std::string state_ = scratch_ / "state";
  std::unique_ptr<RunningDaemon> client_;
};

TEST_F(MethodStateTest, TheNextRoundGoesOnFromTheLastMergedOne) {
  EXPECT_EQ(Round(1, 0, 10), 0);
  EXPECT_EQ(Round(2, 1, 20), 10);
  EXPECT_EQ(Round(3, 2, 30), 20);
}

TEST_F(MethodStateTest, WhatAnUpdateLeftThatWasNotMergedIsNotBuiltUpon) {
  EXPECT_EQ(Round(1, 0, 10), 0);
  EXPECT_EQ(Round(2, 1, 20), 10);
  EXPECT_EQ(Round(3, 1, 30), 10) << "round 2 was not merged";
  EXPECT_EQ(Round(4, 3, 40), 30);
}

TEST_F(MethodStateTest, SurvivesARestart) {
  EXPECT_EQ(Round(1, 0, 10), 0);
  StartClient();
  EXPECT_EQ(Round(2, 1, 20), 10);
}

TEST_F(MethodStateTest, ADamagedStateIsDroppedAndTheRoundBeginsAtZero) {
  EXPECT_EQ(Round(1, 0, 10), 0);
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    ASSERT_TRUE(WriteFileAtomically(entry.path().string(), "rubbish").ok());
  }
  EXPECT_EQ(Round(2, 1, 20), 0);
  EXPECT_EQ(Round(3, 2, 30), 20);
}

// The coordinator would go on with a change that the client knows nothing of.
TEST_F(MethodStateTest, AnUpdateWhoseStateCannotBeKeptIsNotDelivered) {
  ASSERT_TRUE(WriteFileAtomically(folder(), "a file where the folder should be").ok());
  StateDict state;
  ASSERT_TRUE(state.Add("control.w", {{1}, {1}}).ok());
  training_.SetMethodState(std::move(state));
  coordinator_.Offer(1);
  const v1::ClientMessage failed = coordinator_.Await(Body::kTaskFailed);
  EXPECT_EQ(failed.task_failed().round(), 1u);
  EXPECT_NE(failed.task_failed().message().find("method_state"), std::string::npos)
      << failed.task_failed().message();
}

TEST_F(MethodStateTest, NothingIsLeftOfAFinishedRun) {
  Round(1, 0, 10);
  ASSERT_TRUE(std::filesystem::exists(folder()));
  v1::ServerMessage message;
  message.mutable_shutdown()->set_reason(v1::Shutdown::REASON_RUN_FINISHED);
  coordinator_.Say(message);
  coordinator_.AwaitHangUp();
  client_.reset();
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

}  // namespace
}  // namespace tributary
