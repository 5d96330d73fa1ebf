#include "server/round/sampler.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace tributary {
namespace {

const std::map<std::string, std::vector<std::string>> kGroups = {
    {"img", {"i0", "i1", "i2", "i3", "i4", "i5", "i6", "i7"}}, {"txt", {"t0", "t1"}}};

TEST(SamplerTest, EveryGroupGivesItsShareAndAtLeastOne) {
  const auto cohort = SampleCohort(kGroups, 0.25, 1, 1, 0);
  EXPECT_EQ(cohort.size(), 3u);
  EXPECT_EQ(std::set<std::string>(cohort.begin(), cohort.end()).size(), 3u);
}

TEST(SamplerTest, TheOrderOfTheNamesDoesNotMatter) {
  auto reversed = kGroups;
  for (auto& [dataset, names] : reversed) std::reverse(names.begin(), names.end());
  EXPECT_EQ(SampleCohort(reversed, 0.5, 1, 7, 0), SampleCohort(kGroups, 0.5, 1, 7, 0));
}

TEST(SamplerTest, RoundsAttemptsAndSeedsDrawAnew) {
  std::set<std::vector<std::string>> cohorts;
  for (int i = 0; i < 4; ++i) {
    cohorts.insert(SampleCohort(kGroups, 0.5, 1, 1 + i, 0));
    cohorts.insert(SampleCohort(kGroups, 0.5, 1, 1, 1 + i));
    cohorts.insert(SampleCohort(kGroups, 0.5, 2 + static_cast<uint64_t>(i), 1, 0));
  }
  EXPECT_GT(cohorts.size(), 8u);
}

TEST(SamplerTest, EveryClientIsDrawnAboutAsOften) {
  std::map<std::string, int> counts;
  for (int round = 0; round < 1000; ++round) {
    for (const std::string& name : SampleCohort(kGroups, 0.25, 1, round, 0)) ++counts[name];
  }
  for (const std::string& name : kGroups.at("img")) EXPECT_NEAR(counts[name], 250, 60) << name;
}

TEST(SamplerTest, FractionOneTakesEverybody) {
  EXPECT_EQ(SampleCohort(kGroups, 1, 1, 1, 0).size(), 10u);
  EXPECT_EQ(CohortSize(0, 0.5), 0);
}

}  // namespace
}  // namespace tributary
