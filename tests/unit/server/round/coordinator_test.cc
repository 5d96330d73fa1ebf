#include "server/round/coordinator.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/simulated_clock.h"
#include "common/tensor/safetensors.h"
#include "server/method/method_hooks.h"
#include "tests/scratch_folder.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

// A client without a network: takes its tasks from the link, and answers straight into the live
// round.
class FakeClient : public ClientLink {
 public:
  FakeClient(std::string name, const RunContext* context, ClientRegistry* registry,
             Coordinator* coordinator, std::function<void()> on_pushed)
      : name_(std::move(name)),
        context_(context),
        registry_(registry),
        coordinator_(coordinator),
        on_pushed_(std::move(on_pushed)) {}

  void Send(v1::ServerMessage message) override {
    if (message.has_shutdown()) {
      finished_ = true;
      Do([this] { Leave(); });
    } else if (message.has_task() && answers_) {
      Do([this, task = message.task()] { Work(task); });
    }
  }
  void Close() override {}
  void Stop() {
    if (work_.joinable()) work_.join();
  }
  void SetAnswers(bool answers) { answers_ = answers; }
  // The file that its next upload is spooled to loses its bytes before they are added.
  void SpoilSpool(std::string path) { spoiled_spool_ = std::move(path); }
  bool finished() const { return finished_; }
  // By round: the version that was sent, and what it was sent as a difference from to a client that
  // holds the version before. To be called when the client has stopped.
  const std::map<int, uint64_t>& versions() const { return versions_; }
  const std::map<int, uint64_t>& bases() const { return bases_; }

 private:
  // On a thread of its own: a link may not call back from Send().
  void Do(std::function<void()> work) {
    Stop();
    work_ = std::thread(std::move(work));
  }
  void Leave() {
    registry_->Detach(name_, this);
    coordinator_->OnLeft(name_, "the run is finished");
  }
  void Work(const v1::Task& task) {
    const auto round = coordinator_->active_round().Get();
    if (round == nullptr || round->round() != static_cast<int>(task.round())) return;
    round->Accept(name_);
    const auto whole = round->Download(name_, 0);
    const auto held = round->Download(name_, versions_[static_cast<int>(task.round()) - 1]);
    // At the end of a round that others have closed there is none.
    if (whole.ok() && held.ok()) {
      versions_[round->round()] = (*whole)->version().version;
      bases_[round->round()] = (*held)->version().base;
    }
    const std::string dataset = name_.substr(0, name_.find('-'));
    StateDict delta;
    for (const TensorSpec& spec : context_->datasets.at(dataset).plain.tensors) {
      Tensor tensor = Tensor::Zeros(spec.shape);
      for (float& value : tensor.values)
        value = 0.001F * static_cast<float>(name_.size() + task.round());
      EXPECT_TRUE(delta.Add(spec.name, std::move(tensor)).ok());
    }
    const auto encoded = EncodedState::Encode(delta, Codec::kF32, 1 << 16, 1);
    v1::PushHeader header;
    header.set_chunks(static_cast<uint32_t>(encoded->chunks().size()));
    const int ticket = round->BeginPush(name_, header).ticket;
    for (const absl::Cord& chunk : encoded->chunks()) {
      round->AppendChunk(name_, ticket, std::string(chunk)).IgnoreError();
    }
    if (!spoiled_spool_.empty()) std::filesystem::resize_file(std::exchange(spoiled_spool_, ""), 0);
    round->FinishPush(name_, ticket);
    on_pushed_();
  }

  const std::string name_;
  const RunContext* const context_;
  ClientRegistry* const registry_;
  Coordinator* const coordinator_;
  const std::function<void()> on_pushed_;
  std::atomic<bool> answers_ = true, finished_ = false;
  std::thread work_;
  std::string spoiled_spool_;
  std::map<int, uint64_t> versions_, bases_;
};

class CoordinatorTest : public testing::Test {
 protected:
  void SetUp() override { config_ = TinyConfig(); }

  // Starts a coordinator on the state folder, with all clients attending.
  void Start() {
    context_ = TinyContext(config_);
    store_ = *RunStore::Open(folder_);
    events_ = *EventLog::Open("", &clock_);
    registry_ = std::make_unique<ClientRegistry>(absl::Seconds(5), &clock_);
    events_->Subscribe(0, [this](const RunEvent& event) {
      kinds_.push_back(event.kind);
      if (event.kind == "round_started") on_round_started_();
    });
    coordinator_ = std::make_unique<Coordinator>(Coordinator::Dependencies{
        .context = &context_,
        .store = store_.get(),
        .events = events_.get(),
        .registry = registry_.get(),
        .hooks = &hooks_,
        .clock = &clock_,
        .initial = TinyGlobals(context_),
        .evaluate =
            [this](const auto&) {
              TaskMetrics words{.samples = 1, .classification = {{}}};
              words.classification->accuracy = Accuracy(evaluations_++);
              return std::map<std::string, TaskMetrics>{{"words", std::move(words)}};
            },
        .spool_bytes = spool_bytes_});
    for (const std::string name : {"pictures-0", "pictures-1", "words-0", "words-1"}) {
      auto client = std::make_shared<FakeClient>(name, &context_, registry_.get(),
                                                 coordinator_.get(), [this] {
                                                   if (++pushes_ == pushes_before_deadline_)
                                                     clock_.Advance(absl::Minutes(31));
                                                 });
      v1::Join join;
      join.set_client(name);
      join.mutable_data()->set_dataset(name.substr(0, name.find('-')));
      join.mutable_data()->set_samples(10);
      const Modality modality = name[0] == 'p' ? Modality::kImage : Modality::kText;
      ASSERT_TRUE(registry_->Attach(join, modality, client).ok());
      ASSERT_TRUE(registry_->MarkAttending(name, client.get()));
      clients_[name] = client;
    }
  }

  absl::Status Run() {
    const absl::Status status = coordinator_->Run();
    for (const auto& [name, client] : clients_) client->Stop();
    return status;
  }

  double Accuracy(int evaluation) const {
    const auto at = static_cast<size_t>(evaluation);
    return at < accuracies_.size() ? accuracies_[at] : 0;
  }
  nlohmann::json Result() const {
    return nlohmann::json::parse(*ReadFile(folder_ + "/result.json"));
  }
  int Count(const std::string& kind) const {
    return static_cast<int>(std::count(kinds_.begin(), kinds_.end(), kind));
  }
  std::string FinalHash() const { return store_->History()->back().model_hash; }

  RunConfig config_;
  RunContext context_;
  SimulatedClock clock_{absl::FromUnixSeconds(1000)};
  const MethodHooks hooks_{};
  const ScratchFolder scratch_;
  const std::string folder_ = scratch_ / "state";
  std::unique_ptr<RunStore> store_;
  std::unique_ptr<EventLog> events_;
  std::unique_ptr<ClientRegistry> registry_;
  std::unique_ptr<Coordinator> coordinator_;
  std::map<std::string, std::shared_ptr<FakeClient>> clients_;
  std::vector<std::string> kinds_;
  int evaluations_ = 0;
  std::vector<double> accuracies_;  // by evaluation; 0 beyond
  std::optional<int64_t> spool_bytes_;
  std::function<void()> on_round_started_ = [] {};
  std::atomic<int> pushes_ = 0;
  int pushes_before_deadline_ = -1;  // after so many the round's deadline passes
};

TEST_F(CoordinatorTest, RunsAllRoundsAndWritesTheResult) {
  config_.evaluation.every = 2;
  Start();
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(*store_->LastRound(), 3);
  EXPECT_EQ(Count("round_committed"), 3);
  EXPECT_EQ(Count("run_finished"), 1);
  EXPECT_EQ(evaluations_, 2) << "round 2, and the last";
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/result.json"));
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/models/words.safetensors"));
  for (const auto& [name, client] : clients_) EXPECT_TRUE(client->finished()) << name;
}

TEST_F(CoordinatorTest, APausedRunFinishesItsRoundAndBeginsNoOther) {
  Start();
  const auto pause_in_round_one = [this](const RunEvent& event) {
    if (event.kind == "round_started" && event.data["round"] == 1) {
      ASSERT_TRUE(coordinator_->control().Pause({"alice", clock_.Now(), "a look"}).ok());
    }
  };
  const int subscription = events_->Subscribe(0, pause_in_round_one);
  std::thread run([this] { EXPECT_TRUE(Run().ok()); });
  const auto paused = [this] {
    const RunSnapshot snapshot = coordinator_->Snapshot();
    return snapshot.phase == Phase::kPaused && !snapshot.waiting.empty();
  };
  while (!paused()) std::this_thread::yield();
  EXPECT_EQ(coordinator_->Snapshot().round, 2) << "round 1 was finished";
  EXPECT_NE(coordinator_->Snapshot().waiting.find("by alice"), std::string::npos);
  EXPECT_EQ(Count("round_started"), 1);
  ASSERT_TRUE(coordinator_->control().Resume().ok());
  coordinator_->Wake();
  run.join();
  events_->Unsubscribe(subscription);
  EXPECT_EQ(*store_->LastRound(), 3);
}

TEST_F(CoordinatorTest, ARunThatIsMadeShorterEndsWithAnEvaluatedRound) {
  config_.evaluation.every = 10;
  Start();
  on_round_started_ = [this] {
    if (Count("round_started") == 2) {
      EXPECT_TRUE(coordinator_->SetRounds(2, {"alice", clock_.Now(), ""}).ok());
    }
  };
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(*store_->LastRound(), 2);
  EXPECT_EQ(evaluations_, 1);
  EXPECT_FALSE(FinalHash().empty());
  EXPECT_FALSE(coordinator_->SetRounds(9, {"alice", clock_.Now(), ""}).ok()) << "it is finished";
}

TEST_F(CoordinatorTest, ARunThatIsMadeLongerGoesOn) {
  Start();
  on_round_started_ = [this] {
    if (Count("round_started") == 3) {
      EXPECT_TRUE(coordinator_->SetRounds(5, {"alice", clock_.Now(), ""}).ok());
    }
  };
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(*store_->LastRound(), 5);
}

TEST_F(CoordinatorTest, AnEvictedClientIsNotWaitedFor) {
  Start();
  ASSERT_TRUE(coordinator_->control().Evict("words-1", {"alice", clock_.Now(), ""}).ok());
  clients_["words-1"]->SetAnswers(false);
  ASSERT_TRUE(registry_->Disconnect("words-1", {}));
  ASSERT_TRUE(Run().ok());  // the clock stands still: a wait for it would have no end
  EXPECT_EQ(*store_->LastRound(), 3);
}

TEST_F(CoordinatorTest, GoesOnAfterTheLastCommitAndEndsInTheSameBits) {
  Start();
  ASSERT_TRUE(Run().ok());
  const std::string hash = FinalHash();
  store_.reset();
  std::filesystem::remove_all(folder_);

  config_.rounds = 1;
  Start();
  ASSERT_TRUE(Run().ok());
  store_.reset();
  config_.rounds = 3;
  Start();
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(FinalHash(), hash);
  EXPECT_EQ(store_->History()->size(), 3u);
}

TEST_F(CoordinatorTest, AfterARestartTheSameModelsArePublished) {
  Start();
  ASSERT_TRUE(Run().ok());
  const std::map<int, uint64_t> versions = clients_["words-0"]->versions();
  ASSERT_NE(versions.at(1), versions.at(2));
  ASSERT_NE(versions.at(2), versions.at(3));
  EXPECT_EQ(clients_["words-0"]->bases().at(2), versions.at(1)) << "differences are published";
  store_.reset();
  std::filesystem::remove_all(folder_);

  config_.rounds = 2;
  Start();
  ASSERT_TRUE(Run().ok());
  store_.reset();
  config_.rounds = 3;
  Start();
  ASSERT_TRUE(Run().ok());
  // The whole is as it was; a difference from the one before died with the process.
  EXPECT_EQ(clients_["words-0"]->versions().at(3), versions.at(3));
  EXPECT_EQ(clients_["words-0"]->bases().at(3), 0u);
}

TEST_F(CoordinatorTest, WhatClientsHoldIsCommittedWhereDifferencesArePublished) {
  const auto published = [&](int round) {
    return std::filesystem::exists(
        absl::StrCat(folder_, "/checkpoints/round-00000", round, "/words.published.chunks"));
  };
  Start();
  ASSERT_TRUE(Run().ok());
  EXPECT_TRUE(published(2));
  EXPECT_TRUE(published(3));
  store_.reset();
  std::filesystem::remove_all(folder_);

  config_.wire.download_delta.reset();
  Start();
  ASSERT_TRUE(Run().ok());
  EXPECT_FALSE(published(3)) << "the globals tell it all";
  EXPECT_EQ(clients_["words-0"]->bases().at(3), 0u);
}

TEST_F(CoordinatorTest, StopEndsTheRunBetweenCommits) {
  Start();
  clients_["words-1"]->SetAnswers(false);
  on_round_started_ = [this] { coordinator_->Stop("SIGTERM"); };
  const absl::Status status = Run();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(*store_->LastRound(), 0);
}

TEST_F(CoordinatorTest, ASilentClientDoesNotHoldTheRoundBeyondItsDeadline) {
  config_.rounds = 1;
  config_.wire.liveness = absl::Hours(1);
  Start();
  clients_["words-1"]->SetAnswers(false);
  pushes_before_deadline_ = 3;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(store_->History()->at(0).updates.size(), 3u);
}

TEST_F(CoordinatorTest, AnAttemptThatOurOwnDiskSpoilsIsRepeatedAndEndsInTheSameBits) {
  Start();
  ASSERT_TRUE(Run().ok());
  const std::string hash = FinalHash();
  store_.reset();
  std::filesystem::remove_all(folder_);
  kinds_.clear();

  spool_bytes_ = 0;  // all that comes goes to files
  Start();
  clients_["words-1"]->SpoilSpool(folder_ + "/words-1.spool");
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Count("round_retry"), 1);
  EXPECT_EQ(store_->History()->at(0).attempt, 1);
  EXPECT_EQ(store_->History()->at(0).updates.size(), 4u) << "nobody is left out for our fault";
  EXPECT_EQ(FinalHash(), hash) << "of the spoiled sums nothing is left";
}

TEST_F(CoordinatorTest, WithoutAQuorumTheRoundIsRetriedAndThenTheRunFails) {
  config_.rounds = 1;
  config_.round.attempts = 2;
  config_.wire.liveness = absl::Hours(24);
  Start();
  for (const auto& [name, client] : clients_) client->SetAnswers(false);
  on_round_started_ = [this] { clock_.Advance(absl::Minutes(31)); };
  const absl::Status status = Run();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Count("round_retry"), 2);
  EXPECT_EQ(*store_->LastRound(), 0) << "the last commit stands";
}

TEST_F(CoordinatorTest, KeepsTheBestRoundAndEndsWhenItIsNotImprovedUpon) {
  config_.rounds = 20;
  config_.evaluation.best = "words.accuracy";
  config_.evaluation.patience = 2;
  accuracies_ = {10, 30, 20, 30};
  Start();
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(*store_->LastRound(), 4);
  EXPECT_EQ(Count("best_models"), 2);
  EXPECT_EQ(Count("stopped_early"), 1);
  EXPECT_EQ(Count("run_finished"), 1);
  const nlohmann::json result = Result();
  EXPECT_EQ(result["rounds"], 4);
  EXPECT_EQ(result["best"]["round"], 2);
  EXPECT_EQ(result["best"]["value"], 30);
  EXPECT_EQ(result["best"]["model_hash"], result["history"][1]["model_hash"]);
  EXPECT_NE(result["stopped_early"].get<std::string>().find("30 of round 2"), std::string::npos);
  const auto best = ReadSafetensors(folder_ + "/best/words.safetensors");
  const auto last = ReadSafetensors(folder_ + "/models/words.safetensors");
  ASSERT_TRUE(best.ok() && last.ok());
  EXPECT_NE(best->Find("norm.weight")->values, last->Find("norm.weight")->values);
  for (const auto& [name, client] : clients_) EXPECT_TRUE(client->finished()) << name;

  store_.reset();
  Start();
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(*store_->LastRound(), 4) << "once more it ends where it ended";
}

TEST_F(CoordinatorTest, WithoutPatienceAllRoundsAreRunAndTheBestIsTold) {
  config_.evaluation.best = "words.accuracy";
  accuracies_ = {10, 5, 5};
  Start();
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(*store_->LastRound(), 3);
  EXPECT_EQ(Count("stopped_early"), 0);
  EXPECT_EQ(Result()["best"]["round"], 1);
  EXPECT_FALSE(Result().contains("stopped_early"));
}

TEST_F(CoordinatorTest, KeepingTheBestDoesNotChangeTheRun) {
  Start();
  ASSERT_TRUE(Run().ok());
  const std::string hash = FinalHash();
  EXPECT_FALSE(Result().contains("best"));
  store_.reset();
  std::filesystem::remove_all(folder_);

  config_.evaluation.best = "words.accuracy";
  config_.evaluation.patience = 10;
  Start();
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(FinalHash(), hash);
}

}  // namespace
}  // namespace tributary
