// One session against a coordinator on the loopback, without the daemon around it.
#include "client/daemon/session.h"

#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "tests/scratch_folder.h"
#include "tests/unit/client/daemon/fake_coordinator.h"
#include "tests/unit/client/daemon/fake_trainer.h"
#include "tests/unit/client/daemon/worker_place.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;
using Body = v1::ClientMessage::BodyCase;

constexpr uint64_t kNumber = 5;  // of the first session of a test

class SessionTest : public testing::Test {
 protected:
  SessionTest() { MakeRunner(training_.Factory(coordinator_.upload())); }
  ~SessionTest() override {
    if (!result_.valid()) return;
    events_.Push(StopAsked{});
    result_.wait();
  }

  void MakeRunner(TrainerFactory factory) {
    runner_.reset();
    runner_ = std::make_unique<TaskRunner>(worker_.Get(), std::move(factory), &events_);
  }
  void Start() {
    const WorkPlace work = worker_.Get();
    place_ = {.stub = work.stub,
              .events = &events_,
              .runner = runner_.get(),
              .gate = worker_.gate(),
              .board = worker_.board(),
              .folder = &folder_,
              .store = worker_.store(),
              .log = work.log,
              .card = {},
              .timings = timings_};
    place_.card.name = "site-1";
    place_.card.modality = Modality::kImage;
    // Each session has a number of its own: events of the one before may still come.
    result_ = std::async(std::launch::async,
                         [this, number = number_++] { return Session(place_, number).Run(); });
  }
  void StartAttending() {
    Start();
    const CancelToken never;
    EXPECT_TRUE(worker_.gate()->AwaitSession(never).ok());
  }
  SessionEnd Await() { return result_.get(); }
  void ExpectEnd(SessionEnd::Kind kind, absl::StatusCode code, const std::string& words = "") {
    const SessionEnd end = Await();
    EXPECT_EQ(end.kind, kind);
    EXPECT_EQ(end.status.code(), code) << end.status;
    EXPECT_THAT(std::string(end.status.message()), HasSubstr(words));
    EXPECT_EQ(worker_.gate()->current(), nullptr) << "no session is open any more";
  }
  void Shutdown(v1::Shutdown::Reason reason) {
    v1::ServerMessage message;
    message.mutable_shutdown()->set_reason(reason);
    message.mutable_shutdown()->set_message("by the test");
    coordinator_.Say(message);
  }
  void SpoilWelcome(std::function<void(v1::Welcome*)> spoil) {
    coordinator_.Tell([&](auto* orders) { orders->spoil_welcome = std::move(spoil); });
  }
  void Fail(absl::Status status) { events_.Push(TaskEnded{3, 2, std::move(status)}); }

  FakeCoordinator coordinator_;
  FakeTraining training_;
  const ScratchFolder scratch_;
  StateFolder folder_ = *StateFolder::Open(scratch_ / "state");
  EventQueue events_;
  WorkerPlace worker_{coordinator_.address(), [this] { events_.Push(WorkProgressed{}); }};
  Timings timings_ = ShortTimings();
  std::unique_ptr<TaskRunner> runner_;
  SessionPlace place_;
  uint64_t number_ = kNumber;
  std::future<SessionEnd> result_;
};

TEST_F(SessionTest, RemembersTheRunAndOpensTheGateOnceItAttends) {
  StartAttending();
  EXPECT_EQ(folder_.run_id(), "run-1");
  Shutdown(v1::Shutdown::REASON_RUN_FINISHED);
  const SessionEnd end = Await();
  EXPECT_EQ(end.kind, SessionEnd::kRunFinished);
  EXPECT_TRUE(end.status.ok());
  EXPECT_GT(end.attended, absl::ZeroDuration());
  EXPECT_EQ(worker_.gate()->current(), nullptr);
}

TEST_F(SessionTest, EveryReasonToShutDownHasItsEnd) {
  StartAttending();
  Shutdown(v1::Shutdown::REASON_EVICTED);
  ExpectEnd(SessionEnd::kFatal, absl::StatusCode::kPermissionDenied, "by the test");
  StartAttending();
  Shutdown(v1::Shutdown::REASON_COORDINATOR_STOPS);
  ExpectEnd(SessionEnd::kLost, absl::StatusCode::kUnavailable, "by the test");
  StartAttending();
  Shutdown(v1::Shutdown::REASON_UNSPECIFIED);
  ExpectEnd(SessionEnd::kLost, absl::StatusCode::kUnavailable, "by the test");
}

TEST_F(SessionTest, AStopLeavesWithAReason) {
  StartAttending();
  events_.Push(StopAsked{});
  EXPECT_THAT(coordinator_.Await(Body::kLeave).leave().reason(), HasSubstr("asked to stop"));
  ExpectEnd(SessionEnd::kStopped, absl::StatusCode::kOk);
}

TEST_F(SessionTest, ACoordinatorThatHangsUpIsLost) {
  StartAttending();
  coordinator_.HangUp();
  const SessionEnd end = Await();
  EXPECT_EQ(end.kind, SessionEnd::kLost);
  EXPECT_FALSE(end.status.ok());
  EXPECT_GT(end.attended, absl::ZeroDuration());
}

TEST_F(SessionTest, TheStatusOfTheCallDecidesWhetherToTryAgain) {
  struct Case {
    grpc::StatusCode code;
    SessionEnd::Kind kind;
    absl::StatusCode ends;
  };
  const Case cases[] = {
      {grpc::StatusCode::PERMISSION_DENIED, SessionEnd::kFatal,
       absl::StatusCode::kPermissionDenied},
      {grpc::StatusCode::UNAUTHENTICATED, SessionEnd::kFatal, absl::StatusCode::kUnauthenticated},
      {grpc::StatusCode::UNIMPLEMENTED, SessionEnd::kFatal, absl::StatusCode::kInvalidArgument},
      {grpc::StatusCode::UNAVAILABLE, SessionEnd::kLost, absl::StatusCode::kUnavailable},
      {grpc::StatusCode::INTERNAL, SessionEnd::kLost, absl::StatusCode::kInternal},
      {grpc::StatusCode::RESOURCE_EXHAUSTED, SessionEnd::kLost,
       absl::StatusCode::kResourceExhausted}};
  for (const Case& one : cases) {
    coordinator_.Tell(
        [&](auto* orders) { orders->attend_error = grpc::Status(one.code, "says the test"); });
    Start();
    const SessionEnd end = Await();
    EXPECT_EQ(end.kind, one.kind) << one.code;
    EXPECT_EQ(end.status.code(), one.ends) << end.status;
    EXPECT_THAT(std::string(end.status.message()), HasSubstr("says the test"));
    EXPECT_EQ(end.attended, absl::ZeroDuration());
  }
}

TEST_F(SessionTest, NobodyThereIsLost) {
  coordinator_.Stop();
  Start();
  ExpectEnd(SessionEnd::kLost, absl::StatusCode::kUnavailable);
}

TEST_F(SessionTest, ARefusalIsFinalUnlessItMayPass) {
  for (const bool retry : {false, true}) {
    v1::Refusal refusal;
    refusal.set_reason(v1::Refusal::REASON_NAME);
    refusal.set_message("the name is in use");
    refusal.set_retry(retry);
    coordinator_.Tell([&](auto* orders) { orders->refuse_join = refusal; });
    Start();
    ExpectEnd(retry ? SessionEnd::kLost : SessionEnd::kFatal, absl::StatusCode::kFailedPrecondition,
              "the name is in use");
  }
}

TEST_F(SessionTest, JoinAndReadyMustBeAnsweredInTime) {
  timings_.handshake = absl::Milliseconds(20);
  coordinator_.Tell([](auto* orders) { orders->answer_join = false; });
  Start();
  ExpectEnd(SessionEnd::kLost, absl::StatusCode::kDeadlineExceeded, "did not answer Join");
  timings_.handshake = absl::Seconds(1);  // Join is answered by then
  coordinator_.Tell([](auto* orders) {
    orders->answer_join = true;
    orders->answer_ready = false;
  });
  Start();
  ExpectEnd(SessionEnd::kLost, absl::StatusCode::kDeadlineExceeded, "did not answer Ready");
}

TEST_F(SessionTest, BuildingTheModelMayTakeLongAndShowsSignsOfLife) {
  absl::Notification build;
  const TrainerFactory factory = training_.Factory(coordinator_.upload());
  MakeRunner([&](const ModelSpec& spec) {
    build.WaitForNotification();
    return factory(spec);
  });
  timings_.handshake = absl::Seconds(1);
  Start();
  for (int i = 0; i < 25; ++i) {  // at 50 ms each, longer than a handshake may take
    EXPECT_FALSE(coordinator_.Await(Body::kHeartbeat).heartbeat().has_progress());
  }
  EXPECT_EQ(worker_.gate()->current(), nullptr) << "it does not attend yet";
  build.Notify();
  coordinator_.Await(Body::kReady);
}

TEST_F(SessionTest, AModelThatCannotBeBuiltIsToldAndFinal) {
  training_.FailToBuild(absl::FailedPreconditionError("no CUDA here"));
  Start();
  EXPECT_THAT(coordinator_.Await(Body::kLeave).leave().reason(), HasSubstr("no CUDA here"));
  ExpectEnd(SessionEnd::kFatal, absl::StatusCode::kFailedPrecondition, "no CUDA here");
}

TEST_F(SessionTest, AWelcomeThatDoesNotFitIsToldAndFinal) {
  SpoilWelcome([](v1::Welcome* welcome) { welcome->clear_session(); });
  Start();
  EXPECT_THAT(coordinator_.Await(Body::kLeave).leave().reason(), HasSubstr("no session"));
  ExpectEnd(SessionEnd::kFatal, absl::StatusCode::kInvalidArgument, "no session");
  EXPECT_EQ(folder_.run_id(), "") << "it has joined no run";
}

TEST_F(SessionTest, AClientOfAnotherRunDoesNotChangeSides) {
  ASSERT_TRUE(folder_.RememberRun("run-0", "before").ok());
  Start();
  EXPECT_THAT(coordinator_.Await(Body::kLeave).leave().reason(), HasSubstr("run-0"));
  ExpectEnd(SessionEnd::kFatal, absl::StatusCode::kFailedPrecondition, "another --state folder");
  EXPECT_EQ(folder_.run_id(), "run-0");
}

TEST_F(SessionTest, ARunThatCannotBeRememberedIsNotJoined) {
  std::filesystem::create_directories(scratch_ / "state/run.json/in the way");
  Start();
  coordinator_.Await(Body::kLeave);
  const SessionEnd end = Await();
  EXPECT_EQ(end.kind, SessionEnd::kFatal);
  EXPECT_THAT(std::string(end.status.message()), HasSubstr("run.json"));
}

TEST_F(SessionTest, EventsOfEarlierSessionsAreNotItsOwn) {
  v1::ServerMessage shutdown;
  shutdown.set_sequence(1);
  shutdown.mutable_shutdown()->set_reason(v1::Shutdown::REASON_EVICTED);
  events_.Push(ServerSaid{kNumber - 1, shutdown});
  events_.Push(StreamClosed{kNumber - 1, absl::PermissionDeniedError("before")});
  events_.Push(TrainerReady{kNumber - 1, absl::InternalError("before")});
  StartAttending();
  Shutdown(v1::Shutdown::REASON_RUN_FINISHED);
  ExpectEnd(SessionEnd::kRunFinished, absl::StatusCode::kOk);
}

TEST_F(SessionTest, AMessageWithoutANumberIsAnError) {
  StartAttending();
  coordinator_.SayAgain(v1::ServerMessage());
  ExpectEnd(SessionEnd::kLost, absl::StatusCode::kInternal, "without a number");
}

TEST_F(SessionTest, AMessageThatArrivesTwiceCountsOnce) {
  StartAttending();
  v1::ServerMessage message;
  message.set_sequence(2);  // that of Attending
  message.mutable_shutdown()->set_reason(v1::Shutdown::REASON_EVICTED);
  coordinator_.SayAgain(message);
  message.set_sequence(3);
  message.mutable_shutdown()->set_reason(v1::Shutdown::REASON_RUN_FINISHED);
  coordinator_.SayAgain(message);
  ExpectEnd(SessionEnd::kRunFinished, absl::StatusCode::kOk);
}

TEST_F(SessionTest, AMessageOfAnUnknownKindIsPassedOver) {
  StartAttending();
  coordinator_.Say(v1::ServerMessage());
  Shutdown(v1::Shutdown::REASON_RUN_FINISHED);
  ExpectEnd(SessionEnd::kRunFinished, absl::StatusCode::kOk);
  EXPECT_THAT(worker_.said(), HasSubstr("unknown kind"));
}

TEST_F(SessionTest, ASecondWelcomeIsNotHeard) {
  StartAttending();
  v1::ServerMessage message;
  message.mutable_welcome()->set_run_id("another");
  coordinator_.Say(message);
  Shutdown(v1::Shutdown::REASON_RUN_FINISHED);
  ExpectEnd(SessionEnd::kRunFinished, absl::StatusCode::kOk);
  EXPECT_EQ(folder_.run_id(), "run-1");
}

TEST_F(SessionTest, ATaskBeforeTheClientIsReadyIsNotTaken) {
  coordinator_.Tell([](auto* orders) { orders->answer_join = false; });
  Start();
  coordinator_.Await(Body::kJoin);
  coordinator_.Offer(1);
  Shutdown(v1::Shutdown::REASON_RUN_FINISHED);
  ExpectEnd(SessionEnd::kRunFinished, absl::StatusCode::kOk);
  EXPECT_EQ(training_.begun(), 0);
}

TEST_F(SessionTest, ATaskImpliesThatTheClientAttends) {
  coordinator_.Tell([](auto* orders) { orders->answer_ready = false; });
  Start();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(4, 2);
  const v1::TaskAccepted accepted = coordinator_.Await(Body::kTaskAccepted).task_accepted();
  EXPECT_EQ(accepted.round(), 4u);
  EXPECT_EQ(accepted.attempt(), 2u);
  coordinator_.AwaitUpdate(4);
}

TEST_F(SessionTest, AFailedTaskIsToldAndTheSessionGoesOn) {
  StartAttending();
  Fail(absl::InternalError("loss is not finite"));
  const v1::TaskFailed failed = coordinator_.Await(Body::kTaskFailed).task_failed();
  EXPECT_EQ(failed.round(), 3u);
  EXPECT_EQ(failed.attempt(), 2u);
  EXPECT_EQ(failed.message(), "loss is not finite");
  Shutdown(v1::Shutdown::REASON_RUN_FINISHED);
  ExpectEnd(SessionEnd::kRunFinished, absl::StatusCode::kOk);
}

TEST_F(SessionTest, DamagedDataEndTheSessionInEveryPhase) {
  coordinator_.Tell([](auto* orders) { orders->answer_join = false; });
  Start();
  coordinator_.Await(Body::kJoin);
  Fail(absl::InternalError("from the session before"));
  Fail(absl::DataLossError("block 3"));
  EXPECT_THAT(coordinator_.Await(Body::kLeave).leave().reason(), HasSubstr("block 3"));
  ExpectEnd(SessionEnd::kFatal, absl::StatusCode::kDataLoss, "block 3");
}

TEST_F(SessionTest, ATaskThatEndedWellIsNotAFailure) {
  StartAttending();
  Fail(absl::OkStatus());
  Fail(absl::InternalError("the next"));
  EXPECT_EQ(coordinator_.Await(Body::kTaskFailed).task_failed().message(), "the next");
}

TEST_F(SessionTest, ProgressGoesWithTheNextHeartbeat) {
  StartAttending();
  worker_.board()->Begin(8);
  worker_.board()->Step(2, 9, 0.25);
  v1::Heartbeat heartbeat;
  while (!heartbeat.has_progress()) {
    heartbeat = coordinator_.Await(Body::kHeartbeat).heartbeat();
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_EQ(heartbeat.progress().round(), 8u);
  EXPECT_EQ(heartbeat.progress().step(), 2u);
  EXPECT_EQ(heartbeat.progress().loss(), 0.25);
}

TEST_F(SessionTest, ProgressDoesNotWaitForAHeartbeat) {
  SpoilWelcome([](v1::Welcome* welcome) { welcome->set_heartbeat_ms(60'000); });
  timings_.progress = absl::ZeroDuration();
  coordinator_.Tell([](auto* orders) { orders->answer_ready = false; });
  Start();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(4);
  EXPECT_EQ(coordinator_.Await(Body::kHeartbeat).heartbeat().progress().round(), 4u);
}

TEST(CheckStillAbleTest, OnlyDamagedDataMakeAClientUnable) {
  EXPECT_TRUE(CheckStillAble(absl::OkStatus()).ok());
  EXPECT_TRUE(CheckStillAble(absl::InternalError("x")).ok());
  EXPECT_TRUE(CheckStillAble(absl::CancelledError("x")).ok());
  EXPECT_EQ(CheckStillAble(absl::DataLossError("x")), absl::DataLossError("x"));
}

}  // namespace
}  // namespace tributary
