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
