#include "tool/sweep/sweep_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::HasSubstr;

TEST(SweepTableTest, SpreadIsThatOfASample) {
  const Spread spread = SpreadOf({1, 2, 3, 4});
  EXPECT_EQ(spread.count, 4);
  EXPECT_DOUBLE_EQ(spread.mean, 2.5);
  EXPECT_NEAR(spread.deviation, 1.2909944, 1e-6);
  EXPECT_EQ(SpreadOf({7}).deviation, 0);
  EXPECT_EQ(SpreadOf({}).count, 0);
}

nlohmann::json Result(int seed, double r1_sum) {
  return {{"seed", seed},
          {"bytes_up", 2'000'000},
          {"bytes_down", 3'000'000},
          {"seconds", 10},
          {"tasks",
           {{"icons", {{"kind", "retrieval"}, {"r1_sum", r1_sum}}},
            {"words", {{"kind", "classification"}, {"accuracy", 40.0}}}}}};
}

TEST(SweepTableTest, RowsShowMeanAndDeviationAndMissingRunsADash) {
  Sweep sweep;
  sweep.run_file = "base.toml";
  sweep.rows = {{"FedAvg", {}}, {"FedAvg two", {}}, {"never ran", {}}};
  const nlohmann::json summary = SweepSummary(sweep, {{"fedavg/seed-1", Result(1, 10)},
                                                      {"fedavg/seed-2", Result(2, 14)},
                                                      {"fedavg-two/seed-1", Result(1, 5)}});
  const nlohmann::json& rows = summary.at("rows");
  EXPECT_EQ(rows[0].at("figures").at("icons.r1_sum").at("mean"), 12);
  EXPECT_EQ(rows[0].at("seeds"), nlohmann::json({1, 2}));
  EXPECT_EQ(rows[1].at("figures").at("icons.r1_sum").at("count"), 1);
  EXPECT_FALSE(rows[2].contains("figures"));
  const std::string table = SweepTable(summary);
  EXPECT_THAT(table, HasSubstr("icons R@1 sum"));
  EXPECT_THAT(table, HasSubstr("12.00 +- 2.83"));
  EXPECT_THAT(table, HasSubstr("40.00 +- 0.00"));
  EXPECT_THAT(table, HasSubstr("MB up"));
}

}  // namespace
}  // namespace tributary
