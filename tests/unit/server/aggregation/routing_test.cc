#include "server/aggregation/routing.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

std::vector<Target> Targets() {
  return {{.dataset = "img",
           .modality = Modality::kImage,
           .manifest = {.tensors = {{"a", {2}}, {"b", {3}}}},
           .summed = {{{"extra.a", {2}}, 0.25}, {{"extra.b", {3}}, 0.5}}},
          {.dataset = "txt", .modality = Modality::kText, .manifest = {.tensors = {{"c", {2}}}}}};
}

std::vector<CohortMember> Cohort(int images) {
  std::vector<CohortMember> cohort;
  for (int i = 0; i < images; ++i) {
    cohort.push_back({"img" + std::to_string(i), "img", Modality::kImage, 10});
  }
  cohort.push_back({"txt0", "txt", Modality::kText, 10});
  return cohort;
}

// Each image client contributes to its own parameters with `coefficient`, and to c of `txt`.
Plan PlanOf(int images, double coefficient) {
  Plan plan = {{"img", TargetPlan(2)}, {"txt", TargetPlan(1)}};
  for (size_t i = 0; i < static_cast<size_t>(images); ++i) {
    plan["img"][0].push_back({i, "a", coefficient});
    plan["img"][1].push_back({i, "b", coefficient});
    plan["txt"][0].push_back({i, "a", 0.125});
  }
  return plan;
}

TEST(RoutingTest, AnUpdateGoesWhereThePlanSaysAndFurtherTensorsGoHome) {
  const std::vector<Target> targets = Targets();
  const Routing routing(targets, Cohort(2), PlanOf(2, 0.5));
  const Routes routes = routing.RoutesOf(1);
  ASSERT_EQ(routes.size(), 4u) << "two parameters, two summed tensors";
  ASSERT_EQ(routes[0].size(), 2u);
  EXPECT_EQ(routes[0][0].target, 0u);
  EXPECT_EQ(routes[0][0].weight, 0.5);
  EXPECT_EQ(routes[0][1].target, 1u);
  EXPECT_EQ(routes[0][1].weight, 0.125);
  ASSERT_EQ(routes[1].size(), 1u);
  ASSERT_EQ(routes[2].size(), 1u);
  EXPECT_EQ(routes[2][0].target, 0u);
  EXPECT_EQ(routes[2][0].tensor, 2u);
  EXPECT_EQ(routes[2][0].weight, 0.25);
  ASSERT_EQ(routes[3].size(), 1u);
  EXPECT_EQ(routes[3][0].tensor, 3u);
  EXPECT_EQ(routes[3][0].weight, 0.5);
  EXPECT_EQ(routing.RoutesOf(2).size(), 1u) << "of a dataset without summed tensors";
}

TEST(RoutingTest, WeightsThatMeetInASumStayWithinTheAccumulatorsBound) {
  const std::vector<Target> targets = Targets();
  const Routing routing(targets, Cohort(8), PlanOf(8, 20));
  EXPECT_EQ(routing.Scale(0, 0), 160);
  EXPECT_EQ(routing.RoutesOf(3)[0][0].weight, 0.125);
  EXPECT_EQ(routing.Scale(0, 2), 1) << "8 * 0.25 is within the bound";
  EXPECT_EQ(routing.Scale(0, 3), 4);
  EXPECT_EQ(routing.RoutesOf(3)[3][0].weight, 0.125);
}

TEST(RoutingTest, PlansThatAddUpToOneAreNotScaled) {
  const std::vector<Target> targets = Targets();
  const Routing routing(targets, Cohort(3), PlanOf(3, 1.0 / 3));
  EXPECT_EQ(routing.Scale(0, 0), 1);
  EXPECT_EQ(routing.RoutesOf(0)[0][0].weight, 1.0 / 3) << "to the bit";
}

}  // namespace
}  // namespace tributary
