#include "tool/operator_actions.h"

#include <algorithm>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::HasSubstr;

TEST(OperatorActionsTest, RoundsAreAPositiveNumber) {
  EXPECT_EQ(*ParseRounds("rounds=40"), 40u);
  for (const char* wrong : {"", "40", "rounds", "rounds=", "rounds=0", "rounds=-1", "rounds=4x",
                            "rounds=5000000000", "seed=3", "rounds = 4"}) {
    const absl::Status status = ParseRounds(wrong).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << wrong;
    EXPECT_THAT(std::string(status.message()), HasSubstr("rounds=N")) << wrong;
  }
}

TEST(OperatorActionsTest, EachCommandTakesItsFlagsAndNoOthers) {
  const auto parses = [](std::vector<std::string> words) {
    CLI::App app;
    OperatorAction action;
    AddOperatorActions(&app, &action);
    std::reverse(words.begin(), words.end());  // as CLI11 wants a vector
    try {
      app.parse(words);
      return true;
    } catch (const CLI::ParseError&) {
      return false;
    }
  };
  EXPECT_TRUE(parses({"pause", "--reason", "lunch", "--server", "a:1"}));
  EXPECT_TRUE(parses({"stop"}));
  EXPECT_TRUE(parses({"evict", "site-1", "--reason", "noise"}));
  EXPECT_TRUE(parses({"set", "rounds=4"}));
  EXPECT_FALSE(parses({"evict"}));
  EXPECT_FALSE(parses({"forgive"}));
  EXPECT_FALSE(parses({"set"}));
  EXPECT_FALSE(parses({"resume", "--reason", "x"}));
}

TEST(OperatorActionsTest, WithoutASubcommandNothingIsDone) {
  CLI::App app;
  OperatorAction action;
  AddOperatorActions(&app, &action);
  EXPECT_FALSE(RunOperatorAction(app, action).has_value());
}

}  // namespace
}  // namespace tributary
