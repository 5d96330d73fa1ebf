#include "common/config/section.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(NearestTest, FindsASlipOfTheFinger) {
  EXPECT_EQ(Nearest("epoch", {"batch", "epochs"}), "epochs");
  EXPECT_EQ(Nearest("lerning_rate", {"learning_rate", "batch"}), "learning_rate");
  EXPECT_EQ(Nearest("bacth", {"batch", "epochs"}), "batch");
}

TEST(NearestTest, FindsNothingNear) { EXPECT_EQ(Nearest("zzzzzz", {"batch", "epochs"}), ""); }

TEST(SectionTest, ReportsTheFirstProblemOnly) {
  const toml::table table = toml::parse("a = 1\nb = 2\n");
  ConfigProblems problems("file.toml");
  Section section(&table, "", &problems);
  section.Problem("a", "is wrong");
  section.Problem("b", "is wrong too");
  EXPECT_EQ(problems.status().message(), "file.toml:1: key `a` is wrong");
}

TEST(SectionTest, UnknownKeysWithoutANeighbourAreListedAgainstTheKnown) {
  const toml::table table = toml::parse("[s]\nqqqqqqqq = 1\n");
  ConfigProblems problems("f");
  Section root(&table, "", &problems);
  Section section = root.Sub("s");
  int value = 0;
  section.Whole("known", &value, 0, 9);
  section.Finish();
  EXPECT_EQ(problems.status().message(), "f:2: unknown key `s.qqqqqqqq`; known here: known");
}

TEST(SectionTest, AbsentKeysLeaveTheirDefaults) {
  ConfigProblems problems("f");
  Section section(nullptr, "s", &problems);
  int value = 7;
  section.Whole("value", &value, 0, 9);
  EXPECT_FALSE(section.Take("number", NumberRange{0, 9}).has_value());
  section.Finish();
  EXPECT_TRUE(problems.status().ok());
  EXPECT_EQ(value, 7);
}

}  // namespace
}  // namespace tributary
