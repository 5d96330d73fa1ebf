// A daemon that stays: one run after another, of a coordinator on the loopback.
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/daemon/daemon.h"
#include "tests/scratch_folder.h"
#include "tests/unit/client/daemon/fake_coordinator.h"
#include "tests/unit/client/daemon/fake_trainer.h"
#include "tests/unit/client/daemon/running_daemon.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Body = v1::ClientMessage::BodyCase;

class StayTest : public ::testing::Test {
 protected:
  StayTest() {
    client_ = std::make_unique<RunningDaemon>(coordinator_.address(), scratch_ / "state",
                                              training_.Factory(coordinator_.upload()),
                                              ShortTimings(), NoLog(), /*stay=*/true);
  }
  // From the next Join on, the coordinator has this run.
  void SetRun(const std::string& run) {
    coordinator_.Tell([&](auto* orders) {
      orders->spoil_welcome = [run](v1::Welcome* welcome) { welcome->set_run_id(run); };
    });
  }
  void Say(v1::Shutdown::Reason reason) {
    v1::ServerMessage message;
    message.mutable_shutdown()->set_reason(reason);
    message.mutable_shutdown()->set_message("by the test");
    coordinator_.Say(message);
  }
  // The rounds whose updates the client holds for the run that it attends next.
  std::vector<uint32_t> AwaitHeldRounds() {
    const v1::Ready ready = coordinator_.Await(Body::kReady).ready();
    return {ready.held_rounds().begin(), ready.held_rounds().end()};
  }

  FakeCoordinator coordinator_;
  FakeTraining training_;
  const ScratchFolder scratch_;
  std::unique_ptr<RunningDaemon> client_;
};

TEST_F(StayTest, WaitsForTheNextRunAfterAFinishedOne) {
  AwaitHeldRounds();
  coordinator_.Offer(1);
  coordinator_.AwaitUpdate(1);
  SetRun("run-2");
  Say(v1::Shutdown::REASON_RUN_FINISHED);
  EXPECT_EQ(coordinator_.Await(Body::kJoin).join().run_id(), "");
  EXPECT_THAT(AwaitHeldRounds(), IsEmpty());
  coordinator_.Offer(2);
  coordinator_.AwaitUpdate(2);
  EXPECT_EQ(training_.built(), 2) << "each run has a trainer of its own";
  client_->Stop();
  EXPECT_TRUE(client_->Await().ok());
}

TEST_F(StayTest, ARunThatIsSetUpAnewIsJoinedAndNotGivenTheWorkOfTheOneBefore) {
  AwaitHeldRounds();
  coordinator_.Offer(1);
  coordinator_.AwaitUpdate(1);
  training_.Hold();
  coordinator_.Offer(2);
  training_.AwaitBegun(2);
  SetRun("run-2");
  coordinator_.HangUp();
  EXPECT_THAT(coordinator_.Await(Body::kLeave).leave().reason(), HasSubstr("joins again"));
  training_.AwaitCancelled(1);
  EXPECT_THAT(AwaitHeldRounds(), IsEmpty());
  training_.Release();
  coordinator_.Offer(2);
  coordinator_.AwaitUpdate(2);
  EXPECT_EQ(training_.begun(), 3) << "round 2 of the new run is trained on its own";
}

TEST_F(StayTest, AnEarlierRunThatComesBackGetsWhatWasKeptForIt) {
  AwaitHeldRounds();
  coordinator_.Offer(1);
  coordinator_.AwaitUpdate(1);
  SetRun("run-2");
  coordinator_.HangUp();
  coordinator_.Await(Body::kLeave);
  EXPECT_THAT(AwaitHeldRounds(), IsEmpty());
  SetRun("run-1");
  coordinator_.HangUp();
  coordinator_.Await(Body::kLeave);
  EXPECT_THAT(AwaitHeldRounds(), ElementsAre(1));
}

TEST_F(StayTest, ARefusalIsWaitedOut) {
  AwaitHeldRounds();
  v1::Refusal refusal;
  refusal.set_reason(v1::Refusal::REASON_DATA);
  refusal.set_message("the run has other datasets");
  coordinator_.Tell([&](auto* orders) { orders->refuse_join = refusal; });
  coordinator_.HangUp();
  coordinator_.Await(Body::kJoin);
  AwaitHeldRounds();
}

TEST_F(StayTest, AnEvictedClientComesBackWhenItIsForgiven) {
  AwaitHeldRounds();
  v1::Refusal refusal;
  refusal.set_reason(v1::Refusal::REASON_NOT_PERMITTED);
  refusal.set_message("evicted");
  coordinator_.Tell([&](auto* orders) { orders->refuse_join = refusal; });
  Say(v1::Shutdown::REASON_EVICTED);
  coordinator_.Await(Body::kJoin);
  AwaitHeldRounds();
}

TEST_F(StayTest, DamagedDataEndItAllTheSame) {
  AwaitHeldRounds();
  training_.FailOnce(absl::DataLossError("shard: damaged"));
  coordinator_.Offer(1);
  EXPECT_EQ(client_->Await().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace tributary
