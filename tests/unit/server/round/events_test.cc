#include "server/round/events.h"

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/base/simulated_clock.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

class EventLogTest : public testing::Test {
 protected:
  std::unique_ptr<EventLog> Open() { return *EventLog::Open(path_, &clock_); }

  SimulatedClock clock_{absl::FromUnixSeconds(100)};
  const ScratchFolder scratch_;
  const std::string path_ = scratch_ / "events.jsonl";
};

TEST_F(EventLogTest, EventsAreLinesOfJsonWithNumbersThatGoOnAfterARestart) {
  Open()->Emit("first", "one", {{"round", 1}});
  Open()->Emit("second", "two");
  const std::string content = *ReadFile(path_);
  const size_t end = content.find('\n');
  const auto first = nlohmann::json::parse(content.substr(0, end));
  EXPECT_EQ(first["sequence"], 1);
  EXPECT_EQ(first["unix_ms"], 100'000);
  EXPECT_EQ(first["time"], "1970-01-01T00:01:40.000Z");
  EXPECT_EQ(first["data"]["round"], 1);
  EXPECT_EQ(nlohmann::json::parse(content.substr(end + 1))["sequence"], 2);
}

TEST_F(EventLogTest, ALineThatACrashCutShortIsEnded) {
  ASSERT_TRUE(WriteFileAtomically(path_, "{\"sequence\":1}\n{\"sequ").ok());
  Open()->Emit("next", "");
  EXPECT_NE(ReadFile(path_)->find("{\"sequ\n{"), std::string::npos);
}

TEST_F(EventLogTest, SubscribersGetWhatPassedAndWhatComes) {
  const auto log = Open();
  log->Emit("a", "");
  log->Emit("b", "");
  std::string kinds;
  const int id = log->Subscribe(2, [&](const RunEvent& event) { kinds += event.kind; });
  log->Emit("c", "");
  log->EmitLive("d", "", {});
  log->Unsubscribe(id);
  log->Emit("e", "");
  EXPECT_EQ(kinds, "bcd");
}

TEST_F(EventLogTest, WhatAnEarlierProcessLoggedIsGivenToWhoAsksForIt) {
  Open()->Emit("run_stopped", "before", {{"reason", "night"}});
  clock_.Advance(absl::Seconds(60));
  Open()->Emit("a", "");
  const auto log = Open();
  log->Emit("b", "");
  const auto seen = [&](uint64_t first, absl::Time since) {
    std::string kinds;
    log->Unsubscribe(log->Subscribe(
        first,
        [&](const RunEvent& event) {
          kinds += event.kind + " ";
          EXPECT_FALSE(event.EndsRun()) << "the run was gone on with";
          if (event.kind == "run_stopped") {
            EXPECT_EQ(event.data["reason"], "night");
          }
        },
        since));
    return kinds;
  };
  EXPECT_EQ(seen(0, absl::InfiniteFuture()), "b ");
  EXPECT_EQ(seen(0, absl::FromUnixSeconds(130)), "a b ");
  EXPECT_EQ(seen(0, absl::FromUnixSeconds(0)), "run_stopped a b ");
  EXPECT_EQ(seen(2, absl::FromUnixSeconds(0)), "a b ");
}

TEST_F(EventLogTest, LiveEventsAreNotWritten) {
  Open()->EmitLive("progress", "", {});
  EXPECT_EQ(*ReadFile(path_), "");
}

TEST_F(EventLogTest, TextThatIsNotUtf8DoesNoHarm) {
  Open()->Emit("a", "broken \xff text");
  EXPECT_NE(ReadFile(path_)->find("broken"), std::string::npos);
}

TEST_F(EventLogTest, AFolderThatIsNotThereIsReported) {
  EXPECT_FALSE(EventLog::Open("/nowhere/events.jsonl", &clock_).ok());
}

}  // namespace
}  // namespace tributary
