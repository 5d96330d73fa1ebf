#include "server/method/method_table.h"

#include <set>

#include <gtest/gtest.h>

#include "common/config/settings_page.h"

namespace tributary {
namespace {

RunConfig Preset(absl::string_view word) {
  RunConfig config;
  config.method = FindMethod(Methods(), word);
  if (config.method->preset) config.method->preset(&config);
  return config;
}

TEST(MethodTableTest, EveryMethodHasItsOwnWordAndItsRow) {
  std::set<std::string> words;
  for (const MethodCard* card : Methods().cards) {
    EXPECT_TRUE(words.insert(card->word).second) << card->word;
    EXPECT_EQ(FindMethod(Methods(), card->word), card);
    for (const std::string& text : {card->shares, card->adds, card->costs}) {
      EXPECT_FALSE(text.empty()) << card->word;
    }
  }
  EXPECT_EQ(FindMethod(Methods(), Methods().by_default->word), Methods().by_default);
  EXPECT_EQ(FindMethod(Methods(), "fedavgg"), nullptr);
}

TEST(MethodTableTest, FedAvgPresetsNothing) { EXPECT_FALSE(Methods().cards[0]->preset); }

TEST(MethodTableTest, PresetsAreThePapers) {
  EXPECT_EQ(Preset("fedprox").local.proximal_mu, 0.001);
  EXPECT_EQ(Preset("fediot").aggregation.pair_weight, 100);
  EXPECT_EQ(Preset("fediot").aggregation.scope, Scope::kModalityExact);
  EXPECT_EQ(Preset("fediot").aggregation.share, Share::kBlocks);
  EXPECT_TRUE(Preset("scaffold").local.control_variates);
  EXPECT_TRUE(Preset("fednova").aggregation.normalize_steps);
  EXPECT_TRUE(Preset("creamfl").aggregation.plain_pair_mean);
  EXPECT_EQ(Preset("fedcola").aggregation.share, Share::kAttn);
  EXPECT_EQ(Preset("fedcola").local.complementary, ComplementaryLayers::kAll);
}

TEST(MethodTableTest, OnlyCreamFlNeedsAPublicSet) {
  for (const MethodCard* card : Methods().cards) {
    EXPECT_EQ(PublicSetOf(Preset(card->word)).has_value(), card->word == "creamfl");
  }
  EXPECT_FALSE(PublicSetOf(RunConfig()).has_value());
}

// What a method presets is found by comparison, never written twice.
TEST(MethodTableTest, TheDocumentationSaysWhatIsPreset) {
  const std::string table = MethodsTable(Methods());
  EXPECT_NE(table.find("| `fedprox` | `fedprox.mu = 0.001` |"), std::string::npos) << table;
  EXPECT_NE(table.find("`aggregation.share = \"blocks\"`"), std::string::npos) << table;
  for (const SettingsGroup& group : RunGroups()) {
    if (group.section != "fedprox") continue;
    EXPECT_NE(SettingsTable(group, Methods()).find("| `mu` | of `method` |"), std::string::npos);
  }
}

}  // namespace
}  // namespace tributary
