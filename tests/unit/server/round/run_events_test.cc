#include "server/round/run_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/simulated_clock.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

class RunEventsTest : public testing::Test {
 protected:
  RunEventsTest() {
    log_->Subscribe(0, [this](const RunEvent& event) { last_ = event; });
  }

  SimulatedClock clock_{absl::FromUnixSeconds(1000)};
  std::unique_ptr<EventLog> log_ = *EventLog::Open("", &clock_);
  RunEvents events_{log_.get()};
  RunEvent last_;
};

TEST_F(RunEventsTest, TheBestRoundAndAnEarlyEnd) {
  events_.BestModels(3, "words.accuracy", 61.5);
  EXPECT_EQ(last_.kind, "best_models");
  EXPECT_EQ(last_.data,
            nlohmann::json({{"round", 3}, {"metric", "words.accuracy"}, {"value", 61.5}}));
  events_.StoppedEarly(5, "no better one");
  EXPECT_EQ(last_.kind, "stopped_early");
  EXPECT_EQ(last_.data, nlohmann::json({{"round", 5}, {"reason", "no better one"}}));
}

TEST_F(RunEventsTest, AClientsComingAndGoing) {
  ClientInfo client;
  client.name = "site-1";
  client.dataset = "words";
  client.modality = Modality::kText;
  client.samples = 30;
  client.device = "cpu";
  client.software_version = "9.1";
  client.data_digest = "ab12";
  client.schema_digest = "cd34";
  client.test_samples = 6;
  events_.ClientJoined(client, {});
  EXPECT_EQ(last_.kind, "client_joined");
  EXPECT_EQ(last_.message, "site-1 attends");
  EXPECT_EQ(last_.data, nlohmann::json({{"client", "site-1"},
                                        {"dataset", "words"},
                                        {"modality", "text"},
                                        {"samples", 30},
                                        {"device", "cpu"},
                                        {"software_version", "9.1"},
                                        {"data_digest", "ab12"},
                                        {"schema_digest", "cd34"},
                                        {"test_samples", 6},
                                        {"held_rounds", nlohmann::json::array()}}));
  events_.ClientJoined(client, {4, 5});
  EXPECT_EQ(last_.message, "site-1 attends with a finished update of round 4, 5");
  EXPECT_EQ(last_.data["held_rounds"], nlohmann::json({4, 5}));
  events_.ClientRefused("site-2", "no such dataset");
  EXPECT_EQ(last_.kind, "client_refused");
  EXPECT_EQ(last_.message, "no such dataset");
  EXPECT_EQ(last_.data, nlohmann::json({{"client", "site-2"}, {"reason", "no such dataset"}}));
  events_.ClientLeft("site-1", "connection closed");
  EXPECT_EQ(last_.kind, "client_left");
  EXPECT_EQ(last_.message, "site-1 left: connection closed");
  EXPECT_EQ(last_.data, nlohmann::json({{"client", "site-1"}, {"reason", "connection closed"}}));
  events_.ClientFellSilent("site-1");
  EXPECT_EQ(last_.kind, "client_left");
  EXPECT_EQ(last_.data["reason"], "silent");
}

TEST_F(RunEventsTest, ARoundFromItsStartToItsCommit) {
  events_.RoundStarted(2, 1, 9, {{"a", "words", Modality::kText, 1}});
  EXPECT_EQ(last_.kind, "round_started");
  EXPECT_EQ(last_.message, "round 2 of 9: 1 clients sampled");
  EXPECT_EQ(last_.data, nlohmann::json({{"round", 2}, {"attempt", 1}, {"cohort", {"a"}}}));
  events_.RoundRetry(2, 1, "no quorum");
  EXPECT_EQ(last_.kind, "round_retry");
  EXPECT_EQ(last_.data, nlohmann::json({{"round", 2}, {"attempt", 1}, {"reason", "no quorum"}}));
  RoundRecord record{.round = 2, .attempt = 1, .bytes_up = 10, .bytes_down = 20};
  record.updates["a"] = {.dataset = "words", .loss = 0.5};
  events_.RoundCommitted(record, 9, 1.5, RoundTimings());
  EXPECT_EQ(last_.kind, "round_committed");
  EXPECT_EQ(last_.message, "round 2 of 9 committed with 1 updates, loss words 0.500");
  nlohmann::json expected = {{"round", 2},
                             {"attempt", 1},
                             {"seconds", 1.5},
                             {"bytes_up", 10},
                             {"bytes_down", 20},
                             {"clients", 1},
                             {"loss", {{"words", 0.5}}},
                             {"stages", RoundTimings().ToJson()}};
  EXPECT_EQ(last_.data, expected) << "a round that was not evaluated";
  record.model_hash = "h";
  record.tasks["words"].classification.emplace().accuracy = 50;
  events_.RoundCommitted(record, 9, 1.5, RoundTimings());
  expected["model_hash"] = "h";
  expected["tasks"] = TasksToJson(record.tasks);
  EXPECT_EQ(last_.data, expected);
  EXPECT_THAT(last_.message, ::testing::EndsWith("loss words 0.500 | words 50.0 %"));
  events_.RoundCommitted(record, 9, 1.5, RoundTimings(), 90);
  expected["seconds_left"] = 90.0;
  EXPECT_EQ(last_.data, expected);
  EXPECT_THAT(last_.message, ::testing::EndsWith("; about 1:30 left"));
}

TEST_F(RunEventsTest, AnOperatorsActionTellsWhoAndWhat) {
  events_.OperatorAction("evict", "alice", "noise", {{"client", "a"}});
  EXPECT_EQ(last_.kind, "operator_action");
  EXPECT_EQ(last_.message, "evict a, by alice: noise");
  EXPECT_EQ(
      last_.data,
      nlohmann::json({{"action", "evict"}, {"by", "alice"}, {"reason", "noise"}, {"client", "a"}}));
  events_.OperatorAction("set", "local", "", {{"rounds", 40}});
  EXPECT_EQ(last_.message, "set rounds=40, by local");
  events_.OperatorAction("resume", "alice", "", {});
  EXPECT_EQ(last_.message, "resume, by alice");
}

TEST_F(RunEventsTest, WhatBecomesOfUpdatesAndTasks) {
  events_.UpdateAccepted(2, "a", {.bytes = 7, .loss = 0.25}, absl::Milliseconds(500));
  EXPECT_EQ(last_.kind, "update_accepted");
  EXPECT_EQ(last_.message, "round 2: update of a accepted");
  EXPECT_EQ(last_.data,
            nlohmann::json(
                {{"round", 2}, {"client", "a"}, {"bytes", 7}, {"loss", 0.25}, {"seconds", 0.5}}));
  events_.UpdateRefused(2, "a", "not finite");
  EXPECT_EQ(last_.kind, "update_refused");
  EXPECT_EQ(last_.message, "round 2: update of a refused: not finite");
  EXPECT_EQ(last_.data, nlohmann::json({{"round", 2}, {"client", "a"}, {"reason", "not finite"}}));
  events_.TaskFailed(2, "a", "no memory");
  EXPECT_EQ(last_.kind, "task_failed");
  EXPECT_EQ(last_.message, "a gives up: no memory");
  EXPECT_EQ(last_.data, nlohmann::json({{"round", 2}, {"client", "a"}, {"reason", "no memory"}}));
}

TEST_F(RunEventsTest, TheStartTellsWhatIsRunAndWhatItGoesOnFrom) {
  RunContext context = TinyContext();
  context.run_id = "abcd";
  events_.RunStarted(context, std::nullopt);
  EXPECT_EQ(last_.kind, "run_started");
  EXPECT_EQ(last_.data, nlohmann::json({{"run_id", "abcd"},
                                        {"name", context.config.name},
                                        {"method", std::string(MethodName(context.config))},
                                        {"rounds", context.config.rounds},
                                        {"seed", context.config.seed},
                                        {"resumed_round", 0}}));
  events_.RunStarted(context, 7);
  EXPECT_EQ(last_.data["resumed_round"], 7);
  EXPECT_THAT(last_.message, ::testing::HasSubstr("goes on after round 7"));
}

TEST_F(RunEventsTest, PretrainedWeightsAreListed) {
  events_.Pretrained("words", "two tensors taken", {"a", "b"}, {"c"}, {});
  EXPECT_EQ(last_.kind, "pretrained");
  EXPECT_EQ(last_.message, "two tensors taken");
  EXPECT_EQ(last_.data, nlohmann::json({{"dataset", "words"},
                                        {"taken", nlohmann::json::array({"a", "b"})},
                                        {"skipped", nlohmann::json::array({"c"})},
                                        {"random", nlohmann::json::array()}}));
}

TEST_F(RunEventsTest, AStopIsNoErrorAndAFailureIs) {
  EXPECT_TRUE(events_.RunEnded(absl::CancelledError("SIGTERM")).ok());
  EXPECT_EQ(last_.kind, "run_stopped");
  EXPECT_EQ(last_.data, nlohmann::json({{"reason", "SIGTERM"}}));
  EXPECT_EQ(events_.RunEnded(absl::DataLossError("no disk")), absl::DataLossError("no disk"));
  EXPECT_EQ(last_.kind, "run_failed");
  EXPECT_EQ(last_.data, nlohmann::json({{"reason", "no disk"}}));
  EXPECT_TRUE(last_.EndsRun());
}

TEST_F(RunEventsTest, TheEndOfTheRunIsKnownAsSuchAndProgressIsNotKept) {
  events_.RunFinished({{"rounds", 3}});
  EXPECT_EQ(last_.kind, "run_finished");
  EXPECT_EQ(last_.data, nlohmann::json({{"result", {{"rounds", 3}}}}));
  EXPECT_TRUE(last_.EndsRun());
  const uint64_t sequence = last_.sequence;
  RunSnapshot snapshot;
  snapshot.waiting = "waiting for a";
  events_.Progress(snapshot, {});
  EXPECT_EQ(last_.kind, "progress");
  EXPECT_EQ(last_.message, "waiting for a");
  EXPECT_EQ(last_.data, ProgressJson(snapshot, {}));
  EXPECT_FALSE(last_.EndsRun());
  events_.TaskFailed(1, "a", "");
  EXPECT_EQ(last_.sequence, sequence + 1);
}

}  // namespace
}  // namespace tributary
