// The daemon against a coordinator on the loopback, with a trainer that trains nothing.
#include "client/daemon/daemon.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/rpc/model_proto.h"
#include "common/rpc/protocol.h"
#include "tests/scratch_folder.h"
#include "tests/unit/client/daemon/fake_coordinator.h"
#include "tests/unit/client/daemon/fake_trainer.h"
#include "tests/unit/client/daemon/running_daemon.h"
#include "tributary/v1/operator.grpc.pb.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Body = v1::ClientMessage::BodyCase;

class DaemonTest : public ::testing::Test {
 protected:
  void StartClient(const Timings& timings = ShortTimings()) {
    client_.reset();
    client_ = std::make_unique<RunningDaemon>(coordinator_.address(), state_,
                                              training_.Factory(coordinator_.upload()), timings);
  }
  void Finish(v1::Shutdown::Reason reason) {
    v1::ServerMessage message;
    message.mutable_shutdown()->set_reason(reason);
    message.mutable_shutdown()->set_message("by the test");
    coordinator_.Say(message);
  }
  void ExpectUpdateOfOnes(uint32_t round) {
    const StateDict update = coordinator_.AwaitUpdate(round);
    EXPECT_EQ(Manifest::Of(update), coordinator_.upload());
    for (const auto& [name, tensor] : update) {
      for (const float value : tensor.values) ASSERT_NEAR(value, 1, 1e-5) << name;
    }
  }

  FakeCoordinator coordinator_;
  FakeTraining training_;
  const ScratchFolder scratch_;
  const std::string state_ = scratch_ / "state";
  std::unique_ptr<RunningDaemon> client_;
};

TEST_F(DaemonTest, JoinsWithItsCardAndGetsReadyWithItsManifest) {
  StartClient();
  const v1::Join join = coordinator_.Await(Body::kJoin).join();
  EXPECT_EQ(join.protocol(), kProtocolVersion);
  EXPECT_EQ(join.client(), "site-1");
  EXPECT_EQ(join.run_id(), "");
  EXPECT_EQ(join.data().dataset(), "icons");
  EXPECT_EQ(join.device(), "cpu");
  EXPECT_EQ(join.vocabulary(), "v");
  EXPECT_THAT(join.codecs(), SizeIs(6));
  const v1::Ready ready = coordinator_.Await(Body::kReady).ready();
  EXPECT_EQ(ready.upload().digest(), coordinator_.upload().Digest());
  EXPECT_THAT(ready.held_rounds(), SizeIs(0));
}

TEST_F(DaemonTest, DeliversWhatTrainingChanged) {
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(3, 2);
  const v1::TaskAccepted accepted = coordinator_.Await(Body::kTaskAccepted).task_accepted();
  EXPECT_EQ(accepted.round(), 3u);
  EXPECT_EQ(accepted.attempt(), 2u);
  ExpectUpdateOfOnes(3);
  EXPECT_EQ(coordinator_.last_header().samples(), 77u);
  EXPECT_EQ(coordinator_.last_header().report().steps(), 2u);
}

TEST_F(DaemonTest, GoesHomeAndForgetsTheRunWhenItIsFinished) {
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1);
  ExpectUpdateOfOnes(1);
  Finish(v1::Shutdown::REASON_RUN_FINISHED);
  EXPECT_TRUE(client_->Await().ok());
  StartClient();
  EXPECT_EQ(coordinator_.Await(Body::kJoin).join().run_id(), "");
  EXPECT_THAT(coordinator_.Await(Body::kReady).ready().held_rounds(), SizeIs(0));
}

TEST_F(DaemonTest, AcknowledgesAReofferedTaskAndTrainsOnce) {
  training_.Hold();
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1, 1);
  training_.AwaitBegun(1);
  coordinator_.Offer(1, 1);
  coordinator_.Offer(1, 2);
  for (const uint32_t attempt : {1u, 1u, 2u}) {
    EXPECT_EQ(coordinator_.Await(Body::kTaskAccepted).task_accepted().attempt(), attempt);
  }
  training_.Release();
  ExpectUpdateOfOnes(1);
  EXPECT_EQ(training_.begun(), 1);
}

TEST_F(DaemonTest, IgnoresAMessageThatArrivesTwice) {
  StartClient();
  coordinator_.Await(Body::kReady);
  v1::ServerMessage message;
  message.set_sequence(3);  // after Welcome and Attending
  message.mutable_task()->set_round(1);
  message.mutable_task()->set_attempt(1);
  message.mutable_task()->set_upload_codec(v1::CODEC_F32);
  coordinator_.SayAgain(message);
  coordinator_.SayAgain(message);
  message.set_sequence(4);
  message.mutable_task()->set_attempt(9);
  coordinator_.SayAgain(message);
  EXPECT_EQ(coordinator_.Await(Body::kTaskAccepted).task_accepted().attempt(), 1u);
  EXPECT_EQ(coordinator_.Await(Body::kTaskAccepted).task_accepted().attempt(), 9u);
}

TEST_F(DaemonTest, ResumesABrokenPullAtTheNextChunk) {
  coordinator_.Tell([](auto* orders) { orders->cut_pulls = {2, 0, 1}; });
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1);
  ExpectUpdateOfOnes(1);
  EXPECT_THAT(coordinator_.pulls_began(), ElementsAre(0, 2, 2, 3));
}

TEST_F(DaemonTest, AsksAgainForAChunkThatWasDamagedOnTheWay) {
  coordinator_.Tell([](auto* orders) { orders->damaged_chunks = 2; });
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1);
  ExpectUpdateOfOnes(1);
}

TEST_F(DaemonTest, GivesATaskUpWhoseModelCannotBePulled) {
  coordinator_.Tell([](auto* orders) {
    orders->pull_error = grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "no such round");
  });
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1, 4);
  const v1::TaskFailed failed = coordinator_.Await(Body::kTaskFailed).task_failed();
  EXPECT_EQ(failed.attempt(), 4u);
  EXPECT_THAT(failed.message(), HasSubstr("no such round"));
}

TEST_F(DaemonTest, ResumesABrokenPushWhereTheCoordinatorIs) {
  coordinator_.Tell([](auto* orders) { orders->cut_pushes = {0, 0}; });
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1);
  ExpectUpdateOfOnes(1);
  EXPECT_THAT(coordinator_.pushes_began(), ElementsAre(0, 0, 0));
}

TEST_F(DaemonTest, TrainsOnWhileDisconnectedAndDeliversAfterwards) {
  training_.Hold();
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1);
  training_.AwaitBegun(1);
  coordinator_.Stop();
  training_.Release();
  coordinator_.Start();
  EXPECT_EQ(coordinator_.Await(Body::kJoin).join().run_id(), "run-1");
  coordinator_.Await(Body::kReady);
  ExpectUpdateOfOnes(1);
  EXPECT_EQ(training_.begun(), 1);
  EXPECT_EQ(training_.built(), 1);
}

TEST_F(DaemonTest, RejoinsWhenTheConnectionIsLost) {
  StartClient();
  for (int session = 0; session < 5; ++session) {
    coordinator_.Await(Body::kReady);
    coordinator_.HangUp();
  }
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1);
  ExpectUpdateOfOnes(1);
}

TEST_F(DaemonTest, RejoinsWhenTheCoordinatorStopsForAWhile) {
  StartClient();
  coordinator_.Await(Body::kReady);
  Finish(v1::Shutdown::REASON_COORDINATOR_STOPS);
  EXPECT_EQ(coordinator_.Await(Body::kJoin).join().run_id(), "run-1");
}

TEST_F(DaemonTest, DeliversAHeldUpdateAfterItsOwnRestartWithoutTraining) {
  coordinator_.Tell([](auto* orders) { orders->cut_pushes.assign(100000, 0); });
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(5);
  training_.AwaitBegun(1);
  while (coordinator_.pushes_began().empty()) std::this_thread::yield();
  client_.reset();
  coordinator_.Tell([](auto* orders) { orders->cut_pushes.clear(); });
  StartClient();
  EXPECT_THAT(coordinator_.Await(Body::kReady).ready().held_rounds(), ElementsAre(5));
  coordinator_.Offer(5, 2);
  ExpectUpdateOfOnes(5);
  EXPECT_EQ(training_.begun(), 1);
}

TEST_F(DaemonTest, KeepsAnAcceptedUpdateForACoordinatorThatLosesIt) {
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1);
  ExpectUpdateOfOnes(1);
  coordinator_.HangUp();
  EXPECT_THAT(coordinator_.Await(Body::kReady).ready().held_rounds(), ElementsAre(1));
}

TEST_F(DaemonTest, CancellingInterruptsTrainingAndTheNextTaskRuns) {
  training_.Hold();
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1, 1);
  training_.AwaitBegun(1);
  v1::ServerMessage cancel;
  cancel.mutable_cancel_task()->set_round(1);
  cancel.mutable_cancel_task()->set_attempt(1);
  coordinator_.Say(cancel);
  training_.AwaitCancelled(1);
  training_.Release();
  coordinator_.Offer(2);
  ExpectUpdateOfOnes(2);
}

TEST_F(DaemonTest, ACancellationOfAnEarlierAttemptIsStale) {
  training_.Hold();
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1, 2);
  training_.AwaitBegun(1);
  v1::ServerMessage cancel;
  cancel.mutable_cancel_task()->set_round(1);
  cancel.mutable_cancel_task()->set_attempt(1);
  coordinator_.Say(cancel);
  training_.Release();
  ExpectUpdateOfOnes(1);
  EXPECT_EQ(training_.cancelled(), 0);
}

TEST_F(DaemonTest, ALaterRoundTakesThePlaceOfAnEarlierOne) {
  training_.Hold();
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1);
  training_.AwaitBegun(1);
  coordinator_.Offer(2);
  training_.AwaitCancelled(1);
  training_.Release();
  ExpectUpdateOfOnes(2);
}

TEST_F(DaemonTest, TellsOfAFailedTaskAndStaysInTheRun) {
  training_.FailOnce(absl::InternalError("loss is not finite in step 7"));
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1, 3);
  const v1::TaskFailed failed = coordinator_.Await(Body::kTaskFailed).task_failed();
  EXPECT_EQ(failed.round(), 1u);
  EXPECT_EQ(failed.attempt(), 3u);
  EXPECT_THAT(failed.message(), HasSubstr("step 7"));
  coordinator_.Offer(1, 4);
  ExpectUpdateOfOnes(1);
}

TEST_F(DaemonTest, RefusesACodecThatItDoesNotKnow) {
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1, 1, static_cast<v1::Codec>(99));
  EXPECT_THAT(coordinator_.Await(Body::kTaskFailed).task_failed().message(), HasSubstr("99"));
  EXPECT_EQ(training_.begun(), 0);
}

TEST_F(DaemonTest, DamagedDataEndTheDaemonAfterItHasSaidSo) {
  training_.FailOnce(absl::DataLossError("train.shard: block 3 is damaged"));
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1);
  EXPECT_THAT(coordinator_.Await(Body::kTaskFailed).task_failed().message(), HasSubstr("block 3"));
  EXPECT_THAT(coordinator_.Await(Body::kLeave).leave().reason(), HasSubstr("block 3"));
  EXPECT_EQ(client_->Await().code(), absl::StatusCode::kDataLoss);
}

TEST_F(DaemonTest, ATrainerThatCannotBeBuiltEndsTheDaemon) {
  training_.FailToBuild(absl::FailedPreconditionError("no CUDA here"));
  StartClient();
  EXPECT_THAT(coordinator_.Await(Body::kLeave).leave().reason(), HasSubstr("no CUDA"));
  EXPECT_EQ(client_->Await().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(DaemonTest, ALateUpdateIsNoFailure) {
  coordinator_.Tell([](auto* orders) { orders->update_state = v1::UpdateState::STATE_LATE; });
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1);
  training_.AwaitBegun(1);
  coordinator_.Tell([](auto* orders) { orders->update_state.reset(); });
  coordinator_.Offer(2);
  ExpectUpdateOfOnes(2);
}

TEST_F(DaemonTest, ForgetsAnUpdateThatWasRefused) {
  coordinator_.Tell([](auto* orders) { orders->update_state = v1::UpdateState::STATE_REFUSED; });
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1);
  // An idle heartbeat after the training: the worker is done with the task.
  training_.AwaitBegun(1);
  while (coordinator_.Await(Body::kHeartbeat).heartbeat().has_progress()) {
  }
  coordinator_.HangUp();
  EXPECT_THAT(coordinator_.Await(Body::kReady).ready().held_rounds(), SizeIs(0));
}

TEST_F(DaemonTest, HeartbeatsCarryProgress) {
  training_.Hold();
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(6);
  v1::Progress progress;
  while (progress.stage() != "train" || progress.step() != 1) {
    progress = coordinator_.Await(Body::kHeartbeat).heartbeat().progress();
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_EQ(progress.round(), 6u);
  EXPECT_EQ(progress.steps(), 2u);
  EXPECT_DOUBLE_EQ(progress.loss(), 0.5);
}

TEST_F(DaemonTest, StoppingLeavesTheRunWithinAStep) {
  training_.Hold();
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1);
  training_.AwaitBegun(1);
  client_->Stop();
  coordinator_.Await(Body::kLeave);
  EXPECT_TRUE(client_->Await().ok());
  EXPECT_EQ(training_.cancelled(), 1);
}

TEST_F(DaemonTest, StoppingEndsTheWaitForACoordinator) {
  coordinator_.Stop();
  StartClient();
  client_->Stop();
  EXPECT_TRUE(client_->Await().ok());
}

TEST_F(DaemonTest, GivesUpIfNoSessionIsToBeHad) {
  coordinator_.Stop();
  Timings timings = ShortTimings();
  timings.connect = absl::Milliseconds(50);
  StartClient(timings);
  const absl::Status status = client_->Await();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(coordinator_.address()));
}

TEST_F(DaemonTest, GivesUpIfACoordinatorDoesNotComeBack) {
  Timings timings = ShortTimings();
  timings.reconnect = absl::Milliseconds(50);
  StartClient(timings);
  coordinator_.Await(Body::kHeartbeat);  // it attends
  coordinator_.Stop();
  EXPECT_EQ(client_->Await().code(), absl::StatusCode::kUnavailable);
}

TEST_F(DaemonTest, TriesAgainIfTheCoordinatorDoesNotAnswerJoin) {
  coordinator_.Tell([](auto* orders) { orders->answer_join = false; });
  Timings timings = ShortTimings();
  timings.handshake = absl::Milliseconds(20);
  StartClient(timings);
  coordinator_.Await(Body::kJoin);
  coordinator_.Await(Body::kJoin);
  coordinator_.Tell([](auto* orders) { orders->answer_join = true; });
  client_->Stop();
  EXPECT_TRUE(client_->Await().ok());
}

TEST_F(DaemonTest, ARefusalEndsTheDaemonWithItsReason) {
  const std::pair<v1::Refusal::Reason, absl::StatusCode> cases[] = {
      {v1::Refusal::REASON_PROTOCOL, absl::StatusCode::kInvalidArgument},
      {v1::Refusal::REASON_NOT_PERMITTED, absl::StatusCode::kPermissionDenied},
      {v1::Refusal::REASON_DATA, absl::StatusCode::kFailedPrecondition},
      {v1::Refusal::REASON_RUN, absl::StatusCode::kFailedPrecondition},
      {v1::Refusal::REASON_UNSPECIFIED, absl::StatusCode::kFailedPrecondition}};
  for (const auto& [reason, code] : cases) {
    v1::Refusal refusal;
    refusal.set_reason(reason);
    refusal.set_message("prepare the shard again");
    coordinator_.Tell([&](auto* orders) { orders->refuse_join = refusal; });
    StartClient();
    const absl::Status status = client_->Await();
    EXPECT_EQ(status.code(), code) << reason;
    EXPECT_THAT(std::string(status.message()), HasSubstr("prepare the shard again"));
  }
}

TEST_F(DaemonTest, JoinsAgainAfterARefusalThatMayPass) {
  v1::Refusal refusal;
  refusal.set_reason(v1::Refusal::REASON_NAME);
  refusal.set_retry(true);
  coordinator_.Tell([&](auto* orders) { orders->refuse_join = refusal; });
  StartClient();
  coordinator_.Await(Body::kReady);
}

TEST_F(DaemonTest, RefusesACoordinatorWhoseModelHasOtherTensors) {
  coordinator_.Tell([](auto* orders) {
    orders->spoil_welcome = [](v1::Welcome* welcome) {
      Manifest other = *ManifestFromProto(welcome->upload());
      other.tensors[2].shape.push_back(1);
      *welcome->mutable_upload() = ManifestToProto(other);
    };
  });
  StartClient();
  const std::string tensor = coordinator_.upload().tensors[2].name;
  EXPECT_THAT(coordinator_.Await(Body::kLeave).leave().reason(), HasSubstr(tensor));
  const absl::Status status = client_->Await();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("upload manifest"));
}

TEST_F(DaemonTest, RefusesACoordinatorOfAProtocolFromTheFuture) {
  coordinator_.Tell([](auto* orders) {
    orders->spoil_welcome = [](v1::Welcome* welcome) { welcome->set_protocol(99); };
  });
  StartClient();
  EXPECT_EQ(client_->Await().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(DaemonTest, EvictionEndsTheDaemon) {
  StartClient();
  coordinator_.Await(Body::kReady);
  Finish(v1::Shutdown::REASON_EVICTED);
  EXPECT_EQ(client_->Await().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(DaemonTest, ACoordinatorThatDeniesPermissionEndsTheDaemon) {
  coordinator_.Tell([](auto* orders) {
    orders->attend_error = grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "not you");
  });
  StartClient();
  EXPECT_EQ(client_->Await().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(DaemonTest, AnotherKindOfServerIsToldFromACoordinator) {
  coordinator_.Tell([](auto* orders) {
    orders->attend_error = grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "what?");
  });
  StartClient();
  EXPECT_EQ(client_->Await().code(), absl::StatusCode::kInvalidArgument);
}

// The model that training started from.
void ExpectPulled(const StateDict& pulled, const StateDict& model) {
  for (const auto& [name, tensor] : model) {
    const Tensor* ours = pulled.Find(name);
    ASSERT_NE(ours, nullptr) << name;
    for (size_t i = 0; i < tensor.values.size(); ++i) {
      ASSERT_NEAR(ours->values[i], tensor.values[i], 1e-5) << name;
    }
  }
}

StateDict Shifted(StateDict state, float by) {
  for (size_t i = 0; i < state.size(); ++i) {
    for (float& value : state[i].tensor.values) value += by;
  }
  return state;
}

TEST_F(DaemonTest, APullThatMeetsAnotherVersionStartsAgainAtItsFirstChunk) {
  const StateDict second = Shifted(coordinator_.model(), 0.5F);
  coordinator_.Tell([&](auto* orders) {
    orders->cut_pulls = {2};
    orders->after_cut = [&] { coordinator_.Publish(second, false); };
  });
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1);
  ExpectUpdateOfOnes(1);
  EXPECT_THAT(coordinator_.pulls_began(), ElementsAre(0, 2, 0));
  ExpectPulled(training_.pulled(), second);
}

TEST_F(DaemonTest, AClientThatHoldsTheLastVersionAddsDifferences) {
  coordinator_.Tell([](auto* orders) {
    orders->spoil_welcome = [](v1::Welcome* welcome) { welcome->set_delta_downloads(true); };
  });
  StartClient();
  coordinator_.Await(Body::kReady);
  std::vector<uint64_t> versions = {0};
  for (uint32_t round = 1; round <= 3; ++round) {
    coordinator_.Offer(round);
    ExpectUpdateOfOnes(round);
    ExpectPulled(training_.pulled(), coordinator_.model());
    versions.push_back(coordinator_.version());
    coordinator_.Publish(Shifted(coordinator_.model(), 0.25F), true);
  }
  versions.pop_back();
  EXPECT_EQ(coordinator_.held_versions(), versions);
}

TEST_F(DaemonTest, AClientThatMissedAVersionIsSentTheWholeModel) {
  coordinator_.Tell([](auto* orders) {
    orders->spoil_welcome = [](v1::Welcome* welcome) { welcome->set_delta_downloads(true); };
  });
  StartClient();
  coordinator_.Await(Body::kReady);
  coordinator_.Offer(1);
  ExpectUpdateOfOnes(1);
  for (int i = 0; i < 2; ++i) coordinator_.Publish(Shifted(coordinator_.model(), 0.25F), true);
  coordinator_.Offer(3);
  ExpectUpdateOfOnes(3);
  ExpectPulled(training_.pulled(), coordinator_.model());
}

TEST_F(DaemonTest, ARunWithoutDifferencesIsNotToldWhatIsHeld) {
  StartClient();
  coordinator_.Await(Body::kReady);
  for (uint32_t round = 1; round <= 2; ++round) {
    coordinator_.Offer(round);
    ExpectUpdateOfOnes(round);
  }
  EXPECT_THAT(coordinator_.held_versions(), ElementsAre(0, 0));
}

}  // namespace
}  // namespace tributary
