#include "client/daemon/task_runner.h"

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "tests/unit/client/daemon/fake_coordinator.h"
#include "tests/unit/client/daemon/fake_trainer.h"
#include "tests/unit/client/daemon/worker_place.h"

namespace tributary {
namespace {

class TaskRunnerTest : public testing::Test {
 protected:
  TaskRunnerTest() { place_.gate()->Open(TermsOf(coordinator_)); }

  // The next event of this kind; those of other kinds before it are dropped.
  template <typename T>
  T Await() {
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    while (const auto event = events_.PopUntil(deadline)) {
      if (std::holds_alternative<T>(*event)) return std::get<T>(*event);
    }
    ADD_FAILURE() << "no such event";
    return {};
  }
  void Prepare(uint64_t stream = 1) {
    runner_->Prepare(stream, TinySpec());
    EXPECT_TRUE(Await<TrainerReady>().status.ok());
  }
  // Waits for the end of the task of `round`, and expects it to be of `attempt` and OK.
  void ExpectDone(uint32_t round, uint32_t attempt = 1) {
    const TaskEnded ended = Await<TaskEnded>();
    EXPECT_EQ(ended.round, round);
    EXPECT_EQ(ended.attempt, attempt);
    EXPECT_TRUE(ended.status.ok()) << ended.status;
  }
  static ModelSpec OtherSpec() {
    ModelSpec spec = TinySpec();
    spec.classes = 4;
    return spec;
  }

  FakeCoordinator coordinator_;
  FakeTraining training_;
  WorkerPlace place_{coordinator_.address()};
  EventQueue events_;
  std::unique_ptr<TaskRunner> runner_ = std::make_unique<TaskRunner>(
      place_.Get(), training_.Factory(coordinator_.upload()), &events_);
};

TEST_F(TaskRunnerTest, BuildsATrainerAndTellsTheSessionThatAsked) {
  runner_->Prepare(7, TinySpec());
  const auto ready = Await<TrainerReady>();
  EXPECT_EQ(ready.stream, 7u);
  EXPECT_TRUE(ready.status.ok());
  EXPECT_EQ(training_.built(), 1);
}

TEST_F(TaskRunnerTest, ATrainerThatIsThereIsNotBuiltAgain) {
  Prepare(1);
  runner_->Prepare(2, TinySpec());
  EXPECT_EQ(Await<TrainerReady>().stream, 2u);
  EXPECT_EQ(training_.built(), 1);
}

TEST_F(TaskRunnerTest, AnotherModelNeedsAnotherTrainer) {
  Prepare(1);
  runner_->Prepare(2, OtherSpec());
  EXPECT_EQ(Await<TrainerReady>().stream, 2u);
  EXPECT_EQ(training_.built(), 2);
}

TEST_F(TaskRunnerTest, ATrainerThatCouldNotBeBuiltIsTriedAgain) {
  training_.FailToBuild(absl::FailedPreconditionError("no CUDA"));
  runner_->Prepare(1, TinySpec());
  EXPECT_EQ(Await<TrainerReady>().status, absl::FailedPreconditionError("no CUDA"));
  training_.FailToBuild(absl::OkStatus());
  Prepare(2);
  EXPECT_EQ(training_.built(), 2);
}

TEST_F(TaskRunnerTest, ATaskBeforeTheModelIsInternal) {
  runner_->Offer(TaskOf(1));
  const auto ended = Await<TaskEnded>();
  EXPECT_EQ(ended.round, 1u);
  EXPECT_EQ(ended.status.code(), absl::StatusCode::kInternal);
}

TEST_F(TaskRunnerTest, RunsTheTasksThatAreOffered) {
  Prepare();
  for (const uint32_t round : {1u, 2u, 5u}) {
    runner_->Offer(TaskOf(round));
    ExpectDone(round);
    coordinator_.AwaitUpdate(round);
  }
  EXPECT_EQ(training_.begun(), 3);
}

TEST_F(TaskRunnerTest, HowATaskFailedIsTold) {
  training_.FailOnce(absl::DataLossError("block 3"));
  Prepare();
  runner_->Offer(TaskOf(4, 2));
  const auto ended = Await<TaskEnded>();
  EXPECT_EQ(ended.round, 4u);
  EXPECT_EQ(ended.attempt, 2u);
  EXPECT_EQ(ended.status, absl::DataLossError("block 3"));
  runner_->Offer(TaskOf(5));
  ExpectDone(5);
}

TEST_F(TaskRunnerTest, TheSameRoundAgainIsTheSameTaskUnderItsLatestAttempt) {
  training_.Hold();
  Prepare();
  runner_->Offer(TaskOf(1, 1));
  training_.AwaitBegun(1);
  runner_->Offer(TaskOf(1, 2));
  runner_->Offer(TaskOf(1, 3));
  training_.Release();
  ExpectDone(1, 3);
  EXPECT_EQ(training_.begun(), 1);
}

TEST_F(TaskRunnerTest, ARoundThatIsDoneMayBeOfferedAgain) {
  Prepare();
  for (const uint32_t attempt : {1u, 2u}) {
    runner_->Offer(TaskOf(1, attempt));
    ExpectDone(1, attempt);
  }
  EXPECT_EQ(training_.begun(), 1) << "its update is on the disk";
}

TEST_F(TaskRunnerTest, AnotherRoundTakesThePlaceOfTheOneThatRuns) {
  training_.Hold();
  Prepare();
  runner_->Offer(TaskOf(1));
  training_.AwaitBegun(1);
  runner_->Offer(TaskOf(2));
  ExpectDone(1);
  EXPECT_EQ(training_.cancelled(), 1);
  training_.Release();
  ExpectDone(2);
}

TEST_F(TaskRunnerTest, ATaskThatWasNotBegunIsReplacedWithoutATrace) {
  training_.Hold();
  Prepare();
  runner_->Offer(TaskOf(1));
  training_.AwaitBegun(1);
  // While the first is being cancelled, three more come.
  for (const uint32_t round : {2u, 3u, 4u}) runner_->Offer(TaskOf(round));
  training_.Release();
  ExpectDone(1);
  TaskEnded ended = Await<TaskEnded>();
  while (ended.round != 4) {
    EXPECT_TRUE(ended.status.ok());
    ended = Await<TaskEnded>();
  }
  coordinator_.AwaitUpdate(4);
}

TEST_F(TaskRunnerTest, ACancelledTaskEndsWell) {
  training_.Hold();
  Prepare();
  runner_->Offer(TaskOf(1, 2));
  training_.AwaitBegun(1);
  runner_->Cancel(1, 2, "the round is closed");
  ExpectDone(1, 2);
  EXPECT_EQ(training_.cancelled(), 1);
  EXPECT_NE(place_.said().find("the round is closed"), std::string::npos) << place_.said();
}

TEST_F(TaskRunnerTest, ACancellationMustNameTheRoundAndNoEarlierAttempt) {
  training_.Hold();
  Prepare();
  runner_->Offer(TaskOf(3, 2));
  training_.AwaitBegun(1);
  runner_->Cancel(2, 9, "another round");
  runner_->Cancel(4, 9, "another round");
  runner_->Cancel(3, 1, "an earlier attempt");
  training_.Release();
  ExpectDone(3, 2);
  coordinator_.AwaitUpdate(3);
  EXPECT_EQ(training_.cancelled(), 0);
}

TEST_F(TaskRunnerTest, ACancellationOfALaterAttemptHolds) {
  training_.Hold();
  Prepare();
  runner_->Offer(TaskOf(3, 1));
  training_.AwaitBegun(1);
  runner_->Cancel(3, 2, "closed");
  training_.AwaitCancelled(1);
  ExpectDone(3, 1);
}

TEST_F(TaskRunnerTest, ACancelledRoundThatIsOfferedAgainBeginsAnew) {
  training_.Hold();
  Prepare();
  runner_->Offer(TaskOf(1, 1));
  training_.AwaitBegun(1);
  runner_->Cancel(1, 1, "closed");
  runner_->Offer(TaskOf(1, 2));
  ExpectDone(1, 1);
  training_.AwaitBegun(2);
  training_.Release();
  ExpectDone(1, 2);
}

TEST_F(TaskRunnerTest, CancellingNothingDoesNothing) {
  runner_->Cancel(1, 1, "nothing runs");
  Prepare();
  runner_->Cancel(1, 1, "nothing runs");
  runner_->Offer(TaskOf(1));
  ExpectDone(1);
  coordinator_.AwaitUpdate(1);
}

TEST_F(TaskRunnerTest, AnotherModelCancelsTheTaskOfTheOneBefore) {
  training_.Hold();
  Prepare();
  runner_->Offer(TaskOf(1));
  training_.AwaitBegun(1);
  runner_->Prepare(2, OtherSpec());
  training_.AwaitCancelled(1);
  EXPECT_EQ(Await<TrainerReady>().stream, 2u);
}

TEST_F(TaskRunnerTest, StoppingInterruptsTheTaskThatRuns) {
  training_.Hold();
  Prepare();
  runner_->Offer(TaskOf(1));
  training_.AwaitBegun(1);
  runner_.reset();
  EXPECT_EQ(training_.cancelled(), 1);
  EXPECT_NE(place_.said().find("the client stops"), std::string::npos);
}

TEST_F(TaskRunnerTest, StoppingEndsATaskThatWaitsForASession) {
  place_.gate()->Close();
  Prepare();
  runner_->Offer(TaskOf(1));
  runner_.reset();
  EXPECT_EQ(training_.begun(), 0);
}

}  // namespace
}  // namespace tributary
