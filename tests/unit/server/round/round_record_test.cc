#include "server/round/round_record.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

AcceptedUpdate Update(const std::string& client, double loss) {
  AcceptedUpdate update{.client = client, .bytes = 10, .report = {}};
  update.report.set_loss(loss);
  update.report.set_steps(4);
  return update;
}

TEST(RoundRecordTest, HoldsTheUpdatesThatWereAcceptedAndTheirMeanLosses) {
  const std::vector<CohortMember> cohort = {{"a", "icons", Modality::kImage, 30},
                                            {"b", "icons", Modality::kImage, 10},
                                            {"c", "words", Modality::kText, 20},
                                            {"d", "words", Modality::kText, 20}};
  const nlohmann::json updates =
      UpdatesJson({{"a", Update("a", 1)}, {"b", Update("b", 3)}, {"d", Update("d", 5)}}, cohort);
  EXPECT_EQ(updates.size(), 3u);
  EXPECT_EQ(updates["a"]["dataset"], "icons");
  EXPECT_EQ(updates["a"]["samples"], 30);
  EXPECT_EQ(updates["a"]["bytes"], 10);
  EXPECT_EQ(updates["b"]["steps"], 4);
  // Each client the same, whatever its samples.
  EXPECT_EQ(MeanLosses(updates), nlohmann::json({{"icons", 2.0}, {"words", 5.0}}));
}

TEST(RoundRecordTest, ARoundWithoutUpdatesHasNoLosses) {
  EXPECT_TRUE(UpdatesJson({}, {}).empty());
  EXPECT_TRUE(MeanLosses(UpdatesJson({}, {})).empty());
}

}  // namespace
}  // namespace tributary
