// One task against a coordinator on the loopback, in a session that the test opens.
#include "client/daemon/task_run.h"

#include <filesystem>
#include <functional>
#include <future>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/unit/client/daemon/fake_coordinator.h"
#include "tests/unit/client/daemon/worker_place.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Adds 1 to each weight, unless told otherwise.
class OnesTrainer : public TaskTrainer {
 public:
  explicit OnesTrainer(const Manifest& upload) : upload_(upload) {}

  absl::StatusOr<TrainedModel> Train(const StateDict& pulled, const StateDict&, const v1::Task&,
                                     const OnStep& on_step,
                                     const std::atomic<bool>& cancelled) override {
    ++trainings;
    on_step(1, 1, 0.5);
    if (during) during(cancelled);
    if (!status.ok()) return status;
    TrainedModel trained;
    for (const TensorSpec& spec : upload_.tensors) {
      Tensor tensor = *pulled.Find(spec.name);
      for (float& value : tensor.values) value += step;
      EXPECT_TRUE(trained.weights.Add(spec.name, std::move(tensor)).ok());
    }
    if (drop_last) trained.weights = WithoutLast(trained.weights);
    trained.report.set_steps(1);
    return trained;
  }

  absl::StatusOr<TaskCounts> Evaluate(const StateDict& pulled) override {
    ++evaluations;
    EXPECT_NE(pulled.Find(upload_.tensors.front().name), nullptr);
    return TaskCounts{.samples = 4,
                      .classification = ClassCounts{.classes = 2, .right = 3, .loss_sum = 1.5}};
  }

  int trainings = 0, evaluations = 0;
  float step = 1;
  bool drop_last = false;
  absl::Status status;
  std::function<void(const std::atomic<bool>&)> during;

 private:
  static StateDict WithoutLast(const StateDict& whole) {
    StateDict fewer;
    for (size_t i = 0; i + 1 < whole.size(); ++i) {
      EXPECT_TRUE(fewer.Add(whole[i].name, whole[i].tensor).ok());
    }
    return fewer;
  }

  const Manifest upload_;
};

class TaskRunTest : public testing::Test {
 protected:
  TaskRunTest() { place_.gate()->Open(TermsOf(coordinator_)); }

  absl::Status Run(const v1::Task& task) {
    WorkPlace place = place_.Get();
    place.timings = timings_;
    return TaskRun(place, task, &trainer_, &held_, &token_).Run();
  }
  absl::Status Run(uint32_t round) { return Run(TaskOf(round)); }

  void ExpectUpdateOfOnes(uint32_t round) {
    for (const auto& [name, tensor] : coordinator_.AwaitUpdate(round)) {
      for (const float value : tensor.values) ASSERT_NEAR(value, 1, 1e-5) << name;
    }
  }
  std::vector<uint32_t> OnDisk() { return place_.store()->HeldRounds("run-1"); }

  FakeCoordinator coordinator_;
  WorkerPlace place_{coordinator_.address()};
  Timings timings_ = ShortTimings();
  OnesTrainer trainer_{coordinator_.upload()};
  HeldModel held_;
  CancelToken token_;
};

TEST_F(TaskRunTest, PullsTrainsKeepsAndDelivers) {
  ASSERT_TRUE(Run(3).ok());
  ExpectUpdateOfOnes(3);
  EXPECT_THAT(OnDisk(), ElementsAre(3));
  const v1::PushHeader header = coordinator_.last_header();
  EXPECT_EQ(header.session(), kFirstSession);
  EXPECT_EQ(header.samples(), 77u);
  EXPECT_EQ(header.report().steps(), 1u);
  EXPECT_FALSE(place_.board()->Take().has_value()) << "the worker is idle";
}

TEST_F(TaskRunTest, ATaskThatEvaluatesPullsCountsAndReports) {
  v1::Task task = TaskOf(3);
  task.set_evaluation(true);
  coordinator_.Tell([](auto* orders) { orders->cut_pulls = {1}; });
  ASSERT_TRUE(Run(task).ok());
  EXPECT_EQ(trainer_.trainings, 0);
  EXPECT_EQ(trainer_.evaluations, 1);
  EXPECT_THAT(coordinator_.pulls_began(), ElementsAre(0, 1)) << "a pull that breaks off goes on";
  EXPECT_THAT(OnDisk(), IsEmpty());
  const std::vector<v1::EvaluationReport> reports = coordinator_.evaluations();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].session(), kFirstSession);
  EXPECT_EQ(reports[0].round(), 3u);
  EXPECT_EQ(reports[0].counts().classification().right(), 3u);
  EXPECT_EQ(reports[0].counts().samples(), 4u);
}

TEST_F(TaskRunTest, AnUpdateOnDiskIsDeliveredWithoutPullOrTraining) {
  coordinator_.Tell([](auto* orders) { orders->update_state = v1::UpdateState::STATE_LATE; });
  ASSERT_TRUE(Run(3).ok());
  coordinator_.Tell([](auto* orders) { orders->update_state.reset(); });
  ASSERT_TRUE(Run(3).ok());
  ExpectUpdateOfOnes(3);
  EXPECT_EQ(trainer_.trainings, 1);
  EXPECT_THAT(coordinator_.pulls_began(), ElementsAre(0));
  EXPECT_THAT(place_.said(), HasSubstr("delivered without training"));
}

TEST_F(TaskRunTest, AnUpdateOfAnotherModelIsTrainedAgain) {
  ASSERT_TRUE(Run(3).ok());
  const std::string folder = place_.folder();
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    std::string text = *ReadFile(entry.path().string());
    const std::string digest = coordinator_.upload().Digest();
    text.replace(text.find(digest), digest.size(), std::string(digest.size(), '0'));
    ASSERT_TRUE(WriteFileAtomically(entry.path().string(), text).ok());
  }
  ASSERT_TRUE(Run(3).ok());
  EXPECT_EQ(trainer_.trainings, 2);
  EXPECT_THAT(place_.said(), HasSubstr("another model"));
}

TEST_F(TaskRunTest, WaitsForASession) {
  place_.gate()->Close();
  auto result = std::async(std::launch::async, [this] { return Run(1); });
  place_.gate()->Open(TermsOf(coordinator_));
  EXPECT_TRUE(result.get().ok());
  ExpectUpdateOfOnes(1);
}

TEST_F(TaskRunTest, CancellingEndsTheWaitForASession) {
  place_.gate()->Close();
  auto result = std::async(std::launch::async, [this] { return Run(1); });
  place_.gate()->Cancel(&token_, "the client stops");
  EXPECT_EQ(result.get(), absl::CancelledError("the client stops"));
  EXPECT_EQ(trainer_.trainings, 0);
}

TEST_F(TaskRunTest, ATaskThatIsCancelledBeforeItBeginsDoesNothing) {
  place_.gate()->Cancel(&token_, "moved on");
  EXPECT_EQ(Run(1), absl::CancelledError("moved on"));
  EXPECT_THAT(coordinator_.pulls_began(), IsEmpty());
  EXPECT_FALSE(place_.board()->Take().has_value());
}

TEST_F(TaskRunTest, AnUnknownCodecIsToldBeforeAnythingIsPulled) {
  const absl::Status status = Run(TaskOf(1, 1, static_cast<v1::Codec>(99)));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("99"));
  EXPECT_THAT(coordinator_.pulls_began(), IsEmpty());
}

TEST_F(TaskRunTest, ABrokenPullGoesOnWhereItWas) {
  coordinator_.Tell([](auto* orders) { orders->cut_pulls = {1, 0, 2}; });
  ASSERT_TRUE(Run(1).ok());
  EXPECT_THAT(coordinator_.pulls_began(), ElementsAre(0, 1, 1, 3));
  ExpectUpdateOfOnes(1);
}

TEST_F(TaskRunTest, ASessionThatReplacesAnotherServesTheRest) {
  timings_.retry = {.first = absl::Hours(1), .most = absl::Hours(1)};  // but for a new session
  place_.gate()->Open(TermsOf(coordinator_, "session-of-before"));
  auto result = std::async(std::launch::async, [this] { return Run(1); });
  place_.gate()->Open(TermsOf(coordinator_));
  EXPECT_TRUE(result.get().ok());
  ExpectUpdateOfOnes(1);
}

TEST_F(TaskRunTest, ASessionThatIsUnknownForGoodFailsTheTask) {
  place_.gate()->Open(TermsOf(coordinator_, "session-of-before"));
  const absl::Status status = Run(1);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(status.message()), HasSubstr("pulling the model"));
  EXPECT_FALSE(place_.board()->Take().has_value()) << "a failed task is over too";
}

TEST_F(TaskRunTest, DamageOnTheWayIsNotDamageOfTheShard) {
  coordinator_.Tell([](auto* orders) { orders->damaged_chunks = 1'000'000; });
  EXPECT_EQ(Run(1).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(trainer_.trainings, 0);
}

TEST_F(TaskRunTest, DamageOfTheShardIsToldAsSuch) {
  trainer_.status = absl::DataLossError("train.shard: block 3");
  EXPECT_EQ(Run(1), absl::DataLossError("train.shard: block 3"));
  EXPECT_THAT(coordinator_.pushes_began(), IsEmpty());
  EXPECT_THAT(OnDisk(), IsEmpty());
}

TEST_F(TaskRunTest, AnUpdateThatIsNotFiniteIsNotSent) {
  trainer_.step = std::numeric_limits<float>::infinity();
  const absl::Status status = Run(1);
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(status.message()), HasSubstr(coordinator_.upload().tensors[0].name));
  EXPECT_THAT(OnDisk(), IsEmpty());
}

TEST_F(TaskRunTest, ATrainerThatGivesOtherTensorsIsInternal) {
  trainer_.drop_last = true;
  EXPECT_EQ(Run(1).code(), absl::StatusCode::kInternal);
}

TEST_F(TaskRunTest, TheBoardTellsWhatIsDone) {
  std::vector<std::string> stages;
  trainer_.during = [&](const auto&) {
    const auto progress = place_.board()->Take();
    ASSERT_TRUE(progress.has_value());
    EXPECT_EQ(progress->round(), 6u);
    EXPECT_EQ(progress->step(), 1u);
    EXPECT_EQ(progress->loss(), 0.5);
    stages.push_back(progress->stage());
  };
  coordinator_.Tell([&](auto* orders) {
    orders->cut_pulls = {1};
    orders->after_cut = [&] { stages.push_back(place_.board()->Take()->stage()); };
  });
  ASSERT_TRUE(Run(6).ok());
  EXPECT_THAT(stages, ElementsAre("pull", "train"));
}

TEST_F(TaskRunTest, TrainingSeesThatItsTaskIsCancelled) {
  trainer_.during = [&](const std::atomic<bool>& cancelled) {
    EXPECT_FALSE(cancelled);
    place_.gate()->Cancel(&token_, "moved on");
    EXPECT_TRUE(cancelled);
    trainer_.status = absl::CancelledError("in training");
  };
  EXPECT_EQ(Run(1), absl::CancelledError("in training"));
}

TEST_F(TaskRunTest, ACancelledDeliveryLeavesTheUpdateOnDisk) {
  trainer_.during = [&](const auto&) { place_.gate()->Cancel(&token_, "moved on"); };
  EXPECT_TRUE(absl::IsCancelled(Run(4)));
  EXPECT_THAT(OnDisk(), ElementsAre(4)) << "the coordinator may ask for it again";
  EXPECT_THAT(place_.said(), Not(HasSubstr("broke off"))) << "nothing broke";
}

TEST_F(TaskRunTest, ABrokenPushIsResumedWhereTheCoordinatorIs) {
  coordinator_.Tell([](auto* orders) { orders->cut_pushes = {0, 1}; });
  v1::Task task = TaskOf(1);
  task.set_plain_f32(true);
  ASSERT_TRUE(Run(task).ok());
  const std::vector<uint32_t> began = coordinator_.pushes_began();
  ASSERT_GE(began.size(), 2u);
  EXPECT_EQ(began[0], 0u);
  EXPECT_EQ(began[1], 0u);
  if (began.size() > 2) {
    EXPECT_EQ(began[2], 1u);
  }
  ExpectUpdateOfOnes(1);
  EXPECT_EQ(trainer_.trainings, 1);
}

TEST_F(TaskRunTest, ARefusedUpdateIsForgottenAndALateOneIsKept) {
  const std::pair<v1::UpdateState::State, size_t> cases[] = {{v1::UpdateState::STATE_REFUSED, 0},
                                                             {v1::UpdateState::STATE_LATE, 1},
                                                             {v1::UpdateState::STATE_ACCEPTED, 1}};
  for (const auto& [state, kept] : cases) {
    coordinator_.Tell([&, answer = state](auto* orders) {
      orders->update_state = answer;
      orders->update_message = "because of the test";
    });
    EXPECT_TRUE(Run(1).ok()) << state;
    EXPECT_EQ(OnDisk().size(), kept) << state;
    place_.store()->DropAll();
  }
  EXPECT_THAT(place_.said(), HasSubstr("refuses the update: because of the test"));
  EXPECT_THAT(place_.said(), HasSubstr("too late and is not used: because of the test"));
}

TEST_F(TaskRunTest, AnAnswerThatSaysNothingFailsTheTaskInTheEnd) {
  coordinator_.Tell(
      [](auto* orders) { orders->update_state = v1::UpdateState::STATE_UNSPECIFIED; });
  const absl::Status status = Run(1);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("delivering the update"));
  EXPECT_THAT(OnDisk(), ElementsAre(1));
}

TEST_F(TaskRunTest, ADiskThatTakesNothingDoesNotStopTheDelivery) {
  // The folder is gone: no file can be made in it.
  trainer_.during = [&](const auto&) { std::filesystem::remove_all(place_.folder()); };
  ASSERT_TRUE(Run(1).ok());
  ExpectUpdateOfOnes(1);
  EXPECT_THAT(OnDisk(), IsEmpty());
  EXPECT_THAT(place_.said(), HasSubstr("cannot be kept on disk"));
}

TEST_F(TaskRunTest, WithoutDifferencesNothingIsHeldAfterwards) {
  ASSERT_TRUE(Run(1).ok());
  EXPECT_EQ(held_.version, 0u);
  EXPECT_TRUE(held_.values.empty());
}

TEST_F(TaskRunTest, WithDifferencesThePulledModelIsHeldAndNamed) {
  place_.gate()->Open(TermsOf(coordinator_, kFirstSession, /*deltas=*/true));
  ASSERT_TRUE(Run(1).ok());
  EXPECT_EQ(held_.version, coordinator_.version());
  ASSERT_EQ(held_.values.size(), coordinator_.model().size());
  EXPECT_EQ(held_.values[0].tensor.values, coordinator_.model()[0].tensor.values);
  ASSERT_TRUE(Run(2).ok());
  EXPECT_THAT(coordinator_.held_versions(), ElementsAre(0, coordinator_.version()));
}

TEST_F(TaskRunTest, LossyCodecsKeepWhatTheyTakeAwayAndOthersDoNot) {
  const std::string residuals = place_.folder() + "/residuals";
  ASSERT_TRUE(Run(TaskOf(1, 1, v1::CODEC_F16)).ok());
  EXPECT_FALSE(std::filesystem::exists(residuals));
  ASSERT_TRUE(Run(TaskOf(2, 1, v1::CODEC_INT4_BLOCK)).ok());
  EXPECT_FALSE(std::filesystem::is_empty(residuals));
}

}  // namespace
}  // namespace tributary
