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

}  // namespace
}  // namespace tributary
