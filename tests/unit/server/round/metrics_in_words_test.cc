#include "server/round/metrics_in_words.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(MetricsInWordsTest, EachKindOfTaskHasItsFigure) {
  EXPECT_EQ(
      MetricsInShort({{"a", {{"kind", "classification"}, {"accuracy", 61.24}}},
                      {"b", {{"kind", "retrieval"}, {"r1_sum", 9.8}, {"chance_r1_sum", 0.5}}}}),
      "a 61.2 %, b R@1 sum 9.80 (chance 0.50)");
}

TEST(MetricsInWordsTest, LossesAreListedByDataset) {
  EXPECT_EQ(LossesInShort({{"icons", 0.25}, {"words", 2}}), "icons 0.250, words 2.000");
}

TEST(MetricsInWordsTest, WhatIsNotThereIsNoError) {
  for (const nlohmann::json& odd :
       {nlohmann::json(), nlohmann::json(3), nlohmann::json("x"), nlohmann::json::object()}) {
    EXPECT_EQ(MetricsInShort(odd), "");
    EXPECT_EQ(LossesInShort(odd), "");
  }
  EXPECT_EQ(LossesInShort({{"icons", "low"}}), "");
  EXPECT_EQ(MetricsInShort({{"icons", 7}}), "");
  EXPECT_EQ(MetricsInShort({{"icons", {{"kind", "classification"}, {"accuracy", "high"}}}}),
            "icons 0.0 %");
}

TEST(MetricsInWordsTest, DurationsGrowByUnits) {
  EXPECT_EQ(DurationInShort(7.9), "0:07");
  EXPECT_EQ(DurationInShort(754), "12:34");
  EXPECT_EQ(DurationInShort(3 * 3600 + 4 * 60 + 5), "3:04:05");
  EXPECT_EQ(DurationInShort(-1), "0:00");
}

}  // namespace
}  // namespace tributary
