#include "server/aggregation/plan.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

constexpr char kAttn[] = "blockses.0.0.attn.qkv.weight";

std::vector<Target> Targets() {
  return {{"img", Modality::kImage, {{{kAttn, {1}}, {"norm.weight", {1}}}}},
          {"pair", Modality::kPair, {{{kAttn, {1}}, {"norm.weight", {1}}}}}};
}

std::vector<CohortMember> Cohort() {
  return {{"a", "img", Modality::kImage, 30}, {"b", "pair", Modality::kPair, 10}};
}

double Coefficient(const Plan& plan, const std::string& target, size_t parameter, size_t member) {
  for (const Contribution& contribution : plan.at(target)[parameter]) {
    if (contribution.member == member) return contribution.coefficient;
  }
  return 0;
}

TEST(PlanTest, FedAvgStaysWithinTheDataset) {
  const Plan plan = BuildPlan(Targets(), Cohort(), {});
  EXPECT_EQ(Coefficient(plan, "img", 0, 0), 1);
  EXPECT_EQ(Coefficient(plan, "img", 0, 1), 0);
  EXPECT_EQ(Coefficient(plan, "pair", 0, 1), 1);
}

TEST(PlanTest, CompensationMakesWhatIsNotSharedStepLess) {
  AggregationConfig config;
  config.share = Share::kAttn;
  config.scope = Scope::kModality;
  EXPECT_EQ(Coefficient(BuildPlan(Targets(), Cohort(), config), "pair", 1, 1), 1);
  config.compensation = true;
  const Plan plan = BuildPlan(Targets(), Cohort(), config);
  EXPECT_EQ(Coefficient(plan, "pair", 0, 0), 0.75);
  EXPECT_EQ(Coefficient(plan, "pair", 0, 1), 0.25);
  EXPECT_EQ(Coefficient(plan, "pair", 1, 1), 0.25);
}

TEST(PlanTest, SequentialFoldingWeighsLaterClientsMore) {
  AggregationConfig config;
  config.rule = Rule::kRelease;
  const std::vector<CohortMember> cohort = {{"a", "img", Modality::kImage, 10},
                                            {"b", "img", Modality::kImage, 10}};
  const Plan plan = BuildPlan(Targets(), cohort, config);
  EXPECT_EQ(Coefficient(plan, "img", 0, 0), 0.25);
  EXPECT_EQ(Coefficient(plan, "img", 0, 1), 0.5);
}

TEST(PlanTest, ACohortWithoutContributorsMovesNothing) {
  const Plan plan = BuildPlan(Targets(), {Cohort()[0]}, {});
  EXPECT_TRUE(plan.at("pair")[0].empty());
}

TEST(PlanTest, MeaninglessSettingsAreRefused) {
  EXPECT_TRUE(CheckAggregation({}).ok());
  AggregationConfig config;
  config.rule = Rule::kRelease;
  config.scope = Scope::kModalityExact;
  config.compensation = true;
  EXPECT_EQ(CheckAggregation(config).code(), absl::StatusCode::kInvalidArgument);
}

TEST(PlanTest, JsonNamesForeignSources) {
  AggregationConfig config;
  config.share = Share::kAttn;
  config.scope = Scope::kAll;
  const std::vector<CohortMember> cohort = {{"a", "txt", Modality::kText, 10}};
  const std::vector<Target> targets = Targets();
  const auto json = PlanToJson(BuildPlan(targets, cohort, config), targets, cohort);
  EXPECT_EQ(json["img"][kAttn]["a:blockses.1.0.attn.qkv.weight"], 1.0);
}

}  // namespace
}  // namespace tributary
