#include "server/round/active_round.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/round/tiny_round.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

TEST(ActiveRoundTest, IsFoundByItsNumberAndNoOther) {
  TinyRound tiny;
  const auto live = tiny.Open(/*round=*/4, /*attempt=*/1);
  ActiveRound active;
  active.Set(live);
  EXPECT_EQ(active.Get(), live);
  EXPECT_EQ(*active.Find(4), live);
  EXPECT_EQ(active.Get(4, 1), live);
  EXPECT_EQ(active.Get(4, 0), nullptr) << "an attempt that was given up";
  EXPECT_EQ(active.Get(3, 1), nullptr);
  const absl::Status other = active.Find(3).status();
  EXPECT_EQ(other.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(other.message()), HasSubstr("round 3 is not under way; round 4 is"));
}

TEST(ActiveRoundTest, BetweenRoundsThereIsNone) {
  TinyRound tiny;
  ActiveRound active;
  EXPECT_EQ(active.Get(), nullptr);
  EXPECT_EQ(active.Find(0).status().message(), "round 0 is not under way");
  active.Set(tiny.Open(1));
  active.Set(nullptr);
  EXPECT_EQ(active.Get(), nullptr);
  EXPECT_EQ(active.Get(1, 0), nullptr);
}

}  // namespace
}  // namespace tributary
