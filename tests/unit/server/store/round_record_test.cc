#include "server/store/round_record.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

UpdateRecord Update(const std::string& dataset, uint64_t samples, double loss) {
  return {.dataset = dataset, .samples = samples, .bytes = 10, .loss = loss, .steps = 4};
}

TEST(RoundRecordTest, HoldsTheUpdatesThatWereAcceptedAndTheirMeanLosses) {
  const std::map<std::string, UpdateRecord> records = {
      {"a", Update("icons", 30, 1)}, {"b", Update("icons", 10, 3)}, {"d", Update("words", 20, 5)}};
  const nlohmann::json updates = UpdatesToJson(records);
  EXPECT_EQ(updates.size(), 3u);
  EXPECT_EQ(updates["a"]["dataset"], "icons");
  EXPECT_EQ(updates["a"]["samples"], 30);
  EXPECT_EQ(updates["a"]["bytes"], 10);
  EXPECT_EQ(updates["b"]["steps"], 4);
  // Each client the same, whatever its samples.
  EXPECT_EQ(MeanLosses(records), (std::map<std::string, double>{{"icons", 2.0}, {"words", 5.0}}));
}

TEST(RoundRecordTest, ARoundWithoutUpdatesHasNoLosses) {
  EXPECT_EQ(UpdatesToJson({}), nlohmann::json::object());
  EXPECT_TRUE(MeanLosses({}).empty());
}

// State folders of earlier versions hold this text.
TEST(RoundRecordTest, TheTextIsThatOfEarlierVersions) {
  const UpdateRecord update{.dataset = "words",
                            .samples = 20,
                            .bytes = 4000000000,
                            .loss = 1.0 / 3,
                            .first_loss = 2,
                            .steps = 7,
                            .train_seconds = 0.25,
                            .peak_rss_bytes = 123456789};
  EXPECT_EQ(UpdatesToJson({{"a", update}}).dump(),
            R"({"a":{"bytes":4000000000,"dataset":"words","first_loss":2.0,)"
            R"("loss":0.3333333333333333,"peak_rss_bytes":123456789.0,"samples":20,"steps":7,)"
            R"("train_seconds":0.25}})");
}

TEST(RoundRecordTest, WhatIsReadBackIsWrittenAsTheSameText) {
  UpdateRecord diverged = Update("words", 20, std::numeric_limits<double>::quiet_NaN());
  diverged.first_loss = 0.1;
  diverged.peak_rss_bytes = 1e9;
  const std::string text =
      UpdatesToJson({{"a", Update("icons", 30, 1.0 / 3)}, {"b", diverged}}).dump();
  const auto read = UpdatesFromJson(nlohmann::json::parse(text));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(UpdatesToJson(*read).dump(), text);
  EXPECT_EQ(read->at("a").loss, 1.0 / 3);
  EXPECT_EQ(read->at("b").steps, 4u);
}

TEST(RoundRecordTest, WhatCannotBeReadIsNamed) {
  nlohmann::json json = UpdatesToJson({{"a", Update("icons", 30, 1)}});
  json["a"].erase("steps");
  EXPECT_THAT(std::string(UpdatesFromJson(json).status().message()),
              AllOf(HasSubstr("client a"), HasSubstr("steps")));
  EXPECT_FALSE(UpdatesFromJson(nlohmann::json()).ok());
}

}  // namespace
}  // namespace tributary
