#include "tool/sweep/sweep_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kSweep[] = R"toml(
run = "base.toml"
seeds = [3, 4]
set = ["rounds=2"]

[[rows]]
name = "FedAvg"
set = ["method=fedavg"]

[[rows]]
name = "FedCola (all three)"
)toml";

std::string Refused(const std::string& toml) {
  const auto sweep = ParseSweep(toml, "sweep.toml");
  EXPECT_EQ(sweep.status().code(), absl::StatusCode::kInvalidArgument) << sweep.status();
  return std::string(sweep.status().message());
}

TEST(SweepFileTest, RunsGoSeedBySeedWithTheRowsSettingsLast) {
  const auto sweep = ParseSweep(kSweep, "sweep.toml");
  ASSERT_TRUE(sweep.ok()) << sweep.status();
  const std::vector<SweepRun> runs = RunsOf(*sweep);
  ASSERT_EQ(runs.size(), 4u);
  EXPECT_EQ(runs[0].folder, "fedavg/seed-3");
  EXPECT_THAT(runs[0].overrides, ElementsAre("rounds=2", "method=fedavg", "seed=3"));
  EXPECT_EQ(runs[1].folder, "fedcola-all-three/seed-3");
  EXPECT_EQ(runs[2].seed, 4);
}

TEST(SweepFileTest, WhatIsWrongIsNamedWithItsLine) {
  EXPECT_THAT(Refused("seeds = [1]\n[[rows]]\nname = \"a\"\n"), HasSubstr("`run` is missing"));
  EXPECT_THAT(Refused("run = \"x\"\n"), HasSubstr("[[rows]]"));
  EXPECT_THAT(Refused("run = \"x\"\nseed = [1]\n[[rows]]\nname = \"a\"\n"),
              AllOf(HasSubstr("sweep.toml:2"), HasSubstr("`seeds`")));
  EXPECT_THAT(Refused("run = \"x\"\nseeds = [\"1\"]\n[[rows]]\nname = \"a\"\n"),
              HasSubstr("whole numbers"));
  EXPECT_THAT(Refused("run = \"x\"\n[[rows]]\nname = \"a b\"\n[[rows]]\nname = \"A-b\"\n"),
              HasSubstr("a second time"));
  EXPECT_THAT(Refused("run = \"x\"\n[[rows]]\nname = \"+\"\n"), HasSubstr("a letter or a digit"));
  EXPECT_THAT(Refused("run = = 1"), HasSubstr("sweep.toml:1"));
}

TEST(SweepFileTest, NamesBecomeFolders) {
  EXPECT_EQ(FolderOf("attention + compensation"), "attention-compensation");
  EXPECT_EQ(FolderOf("../x"), "x");
}

}  // namespace
}  // namespace tributary
