#include "server/round/progress_throttle.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

RunEvent Progress(int64_t second, const std::string& waiting) {
  RunEvent event;
  event.kind = "progress";
  event.unix_ms = second * 1000;
  event.data = {{"waiting", waiting}};
  return event;
}

TEST(ProgressThrottleTest, WhatIsNewPassesAndWhatIsNotDoesOnceAMinute) {
  ProgressThrottle throttle;
  EXPECT_TRUE(throttle.Passes(Progress(100, "for a")));
  EXPECT_FALSE(throttle.Passes(Progress(101, "for a")));
  EXPECT_TRUE(throttle.Passes(Progress(102, "for b")));
  EXPECT_FALSE(throttle.Passes(Progress(161, "for b")));
  EXPECT_TRUE(throttle.Passes(Progress(162, "for b")));
  EXPECT_FALSE(throttle.Passes(Progress(163, "for b")));
}

TEST(ProgressThrottleTest, OtherEventsAlwaysPass) {
  ProgressThrottle throttle;
  RunEvent event;
  event.kind = "client_joined";
  EXPECT_TRUE(throttle.Passes(event));
  EXPECT_TRUE(throttle.Passes(event));
}

TEST(WaitingLinesTest, WhatIsWaitedForIsSaidOnceAMinuteAndTheSameAfterTen) {
  WaitingLines lines;
  const auto passes = [&](int64_t second, const std::string& message) {
    RunEvent event = Progress(second, "");
    event.message = message;
    return lines.Passes(event);
  };
  EXPECT_FALSE(passes(100, ""));
  EXPECT_TRUE(passes(100, "for a"));
  EXPECT_FALSE(passes(130, "for b")) << "too soon";
  EXPECT_TRUE(passes(160, "for b"));
  EXPECT_FALSE(passes(300, "for b"));
  EXPECT_TRUE(passes(760, "for b"));
  RunEvent other;
  other.kind = "client_joined";
  other.message = "a attends";
  EXPECT_FALSE(lines.Passes(other)) << "it is logged as an event";
}

}  // namespace
}  // namespace tributary
