#include "server/round/run_operator.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/simulated_clock.h"
#include "tests/scratch_folder.h"
#include "tests/unit/server/registry/fake_link.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class RunOperatorTest : public testing::Test {
 protected:
  RunOperatorTest() {
    log_->Subscribe(0, [this](const RunEvent& event) {
      kinds_.push_back(event.kind);
      if (event.kind == "operator_action") actions_.push_back(event.data);
    });
  }

  const RunContext context_ = TinyContext();
  SimulatedClock clock_{absl::FromUnixSeconds(1000)};
  const ScratchFolder scratch_;
  std::unique_ptr<RunStore> store_ = *RunStore::Open(scratch_ / "state");
  std::unique_ptr<EventLog> log_ = *EventLog::Open("", &clock_);
  ClientRegistry registry_{absl::Seconds(5), &clock_};
  const MethodHooks hooks_;
  Coordinator coordinator_{
      {.context = &context_,
       .store = store_.get(),
       .events = log_.get(),
       .registry = &registry_,
       .hooks = &hooks_,
       .clock = &clock_,
       .initial = TinyGlobals(context_),
       .evaluate = [](const auto&) { return std::map<std::string, TaskMetrics>(); }}};
  RunOperator operator_{&coordinator_, &registry_, log_.get(), &clock_};
  std::vector<std::string> kinds_;
  std::vector<nlohmann::json> actions_;
};

TEST_F(RunOperatorTest, EachActionIsAnEventWithWhoAndWhat) {
  ASSERT_TRUE(operator_.Pause("alice", "lunch").ok());
  ASSERT_TRUE(operator_.Resume("bob").ok());
  ASSERT_TRUE(operator_.Evict("site-1", "alice", "noise").ok());
  ASSERT_TRUE(operator_.Forgive("site-1", "alice").ok());
  ASSERT_TRUE(operator_.SetRounds(40, "local").ok());
  ASSERT_TRUE(operator_.Stop("alice", "night").ok());
  ASSERT_EQ(actions_.size(), 6u);
  EXPECT_EQ(actions_[0],
            (nlohmann::json{{"action", "pause"}, {"by", "alice"}, {"reason", "lunch"}}));
  EXPECT_EQ(actions_[1]["by"], "bob");
  EXPECT_EQ(actions_[2]["client"], "site-1");
  EXPECT_EQ(actions_[4]["rounds"], 40);
  EXPECT_EQ(actions_[5]["action"], "stop");
}

TEST_F(RunOperatorTest, WhatIsRefusedIsNoEvent) {
  EXPECT_FALSE(operator_.Resume("alice").ok());
  EXPECT_FALSE(operator_.Forgive("site-1", "alice").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(operator_.Evict("../etc", "alice", "")));
  EXPECT_FALSE(operator_.SetRounds(0, "alice").ok());
  EXPECT_TRUE(actions_.empty());
}

TEST_F(RunOperatorTest, AnEvictedClientIsToldAndGone) {
  v1::Join join;
  join.set_client("site-1");
  const auto link = std::make_shared<FakeLink>();
  ASSERT_TRUE(registry_.Attach(join, Modality::kText, link).ok());
  ASSERT_TRUE(operator_.Evict("site-1", "alice", "noise").ok());
  ASSERT_EQ(link->sent.size(), 1u);
  EXPECT_EQ(link->sent[0].shutdown().reason(), v1::Shutdown::REASON_EVICTED);
  EXPECT_THAT(link->sent[0].shutdown().message(), HasSubstr("by alice"));
  EXPECT_TRUE(link->closed);
  EXPECT_EQ(registry_.linked(), 0);
  EXPECT_THAT(kinds_, Contains("client_left"));
}

TEST_F(RunOperatorTest, AStopSaysByWhomAndWhy) {
  ASSERT_TRUE(operator_.Stop("alice", "night").ok());
  const absl::Status status = coordinator_.Run();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_EQ(std::string(status.message()), "by operator alice: night");
}

}  // namespace
}  // namespace tributary
