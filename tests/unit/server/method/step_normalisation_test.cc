#include "server/method/fednova/step_normalisation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/method/fednova/step_normalisation_hook.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

std::vector<CohortMember> Cohort(const std::vector<uint64_t>& samples) {
  std::vector<CohortMember> cohort;
  for (const uint64_t count : samples) {
    cohort.push_back({"client-" + std::to_string(cohort.size()), "img", Modality::kImage, count});
  }
  return cohort;
}

// The coefficients of FedNova with 3 epochs in batches of 10.
std::vector<double> Coefficients(const std::vector<CohortMember>& cohort) {
  const std::vector<Target> targets = {{.dataset = "img",
                                        .modality = Modality::kImage,
                                        .manifest = {.tensors = {{"norm.weight", {2}}}}}};
  Plan plan = BuildPlan(targets, cohort, {});
  NormaliseSteps(cohort, 3, 10, &plan);
  std::vector<double> coefficients;
  for (const Contribution& contribution : plan.at("img")[0]) {
    coefficients.push_back(contribution.coefficient);
  }
  return coefficients;
}

TEST(StepNormalisationTest, AStepIsABatchAndTheLastMayBeShort) {
  EXPECT_EQ(LocalSteps(1, 3, 10), 3);
  EXPECT_EQ(LocalSteps(10, 3, 10), 3);
  EXPECT_EQ(LocalSteps(11, 3, 10), 6);
}

// 10 and 40 samples: p = .2 and .8, tau = 3 and 12, so tau_eff = 10.2.
TEST(StepNormalisationTest, UpdatesAreDividedByTheirSteps) {
  const std::vector<double> coefficients = Coefficients(Cohort({10, 40}));
  EXPECT_DOUBLE_EQ(coefficients[0], 10.2 * 0.2 / 3);
  EXPECT_DOUBLE_EQ(coefficients[1], 10.2 * 0.8 / 12);
}

TEST(StepNormalisationTest, WithEqualStepsItIsTheWeightedMean) {
  const std::vector<double> coefficients = Coefficients(Cohort({11, 15, 20}));
  EXPECT_DOUBLE_EQ(coefficients[0], 11.0 / 46);
  EXPECT_DOUBLE_EQ(coefficients[2], 20.0 / 46);
}

TEST(StepNormalisationTest, RatiosDoNotDependOnWhoElseIsThere) {
  const std::vector<double> all = Coefficients(Cohort({10, 45, 700}));
  const std::vector<double> two = Coefficients(Cohort({10, 45}));
  EXPECT_NEAR(all[0] / all[1], two[0] / two[1], 1e-15);
}

TEST(StepNormalisationHookTest, RefusesOtherStepsThanThePlanCountsOn) {
  const StepNormalisationHook hook(3, 10);
  v1::TrainingReport report;
  report.set_steps(6);
  EXPECT_TRUE(hook.CheckReport(Cohort({11})[0], report).ok());
  const absl::Status status = hook.CheckReport(Cohort({21})[0], report);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("reports 6 local steps, expected 9"));
}

}  // namespace
}  // namespace tributary
