#include "common/config/run_config.h"

#include <string>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/config/best_metric.h"
#include "server/method/creamfl/settings.h"
#include "server/method/method_table.h"

namespace tributary {
namespace {

constexpr char kSmallest[] = R"(
name = "demo"
[[datasets]]
name = "icons"
modality = "pair"
clients = 4
path = "data/icons"
)";

absl::StatusOr<RunConfig> Parse(const std::string& more,
                                const std::vector<std::string>& overrides = {}) {
  return ParseRunConfig(absl::StrCat(kSmallest, more), "demo.toml", Methods(), overrides);
}

// The message of a run file that must be refused.
std::string Refused(const std::string& more, const std::vector<std::string>& overrides = {}) {
  const auto config = Parse(more, overrides);
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument) << config.status();
  return std::string(config.status().message());
}

TEST(RunConfigTest, DefaultsAreThePapers) {
  const auto config = Parse("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(MethodName(*config), "fedcola");
  EXPECT_EQ(config->model.spec.dim, 384);
  EXPECT_EQ(config->model.spec.patch, 16);
  EXPECT_EQ(config->local.epochs, 5);
  EXPECT_EQ(config->local.learning_rate, 1e-4);
  EXPECT_EQ(config->round.fraction, 0.25);
  EXPECT_EQ(config->datasets[0].clients, 4);
}

TEST(RunConfigTest, MethodsArePresetsThatTheFilesOwnKeysOverride) {
  const auto cola = Parse("");
  EXPECT_EQ(cola->aggregation.share, Share::kAttn);
  EXPECT_EQ(cola->aggregation.scope, Scope::kModality);
  EXPECT_TRUE(cola->aggregation.compensation);
  EXPECT_EQ(cola->local.complementary, ComplementaryLayers::kAll);
  const auto ablation =
      Parse("[aggregation]\ncompensation = false\n[local]\ncomplementary = \"none\"\n");
  ASSERT_TRUE(ablation.ok()) << ablation.status();
  EXPECT_EQ(ablation->aggregation.share, Share::kAttn);
  EXPECT_FALSE(ablation->aggregation.compensation);
  EXPECT_EQ(ablation->local.complementary, ComplementaryLayers::kNone);
  EXPECT_EQ(Parse("", {"method=fedavg"})->aggregation.share, Share::kNone);
  EXPECT_EQ(Parse("", {"method=fedprox"})->local.proximal_mu, 0.001);
  EXPECT_EQ(Parse("", {"method=fediot"})->aggregation.pair_weight, 100);
}

TEST(RunConfigTest, OverridesReachNestedKeysAndKeepTheirTypes) {
  const auto config = Parse("[local]\nepochs = 2\n",
                            {"local.epochs=3", "round.deadline=90s", "wire.upload=f32", "seed=5"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->local.epochs, 3);
  EXPECT_EQ(config->round.deadline, absl::Seconds(90));
  EXPECT_EQ(config->wire.upload, Codec::kF32);
  EXPECT_EQ(config->seed, 5u);
}

TEST(RunConfigTest, UnknownKeysAreNamedWithLineAndNeighbour) {
  EXPECT_EQ(Refused("[local]\nepoch = 2\n"),
            "demo.toml:9: unknown key `local.epoch`; did you mean `local.epochs`?");
  EXPECT_EQ(Refused("[locall]\n"), "demo.toml:8: unknown key `locall`; did you mean `local`?");
}

TEST(RunConfigTest, ValuesOutOfRangeAreNamedWithTheRange) {
  EXPECT_EQ(Refused("[local]\nepochs = 0\n"),
            "demo.toml:9: key `local.epochs` is 0; it must be a whole number from 1 to 10000");
  EXPECT_NE(Refused("[round]\nfraction = 0\n").find("must be above 0"), std::string::npos);
  EXPECT_NE(Refused("[round]\nfraction = \"all\"\n").find("must be a number"), std::string::npos);
  EXPECT_NE(Refused("[round]\ndeadline = \"soon\"\n").find("\"90s\""), std::string::npos);
  EXPECT_NE(Refused("[wire]\nupload = \"f33\"\n").find("one of f32, f16, bf16, int8-block"),
            std::string::npos);
}

TEST(RunConfigTest, ContradictionsAreRefused) {
  EXPECT_NE(Refused("[model]\ndim = 10\nheads = 4\n").find("divisible by heads"),
            std::string::npos);
  EXPECT_NE(Refused("[model]\nimage_size = 30\npatch = 8\n").find("divisible by patch"),
            std::string::npos);
  EXPECT_NE(Refused("[aggregation]\nout_modality_scale = 0.5\n").find("release"),
            std::string::npos);
  EXPECT_NE(Refused("[wire]\nheartbeat = \"10s\"\nliveness = \"11s\"\n").find("twice"),
            std::string::npos);
}

TEST(RunConfigTest, DatasetsMustBeWholeAndDistinct) {
  EXPECT_NE(Refused("[[datasets]]\nname = \"b\"\nmodality = \"text\"\nclients = 1\n").find("path"),
            std::string::npos);
  EXPECT_NE(
      Refused("[[datasets]]\nname = \"icons\"\nmodality = \"text\"\nclients = 1\npath = \"x\"\n")
          .find("second time"),
      std::string::npos);
  EXPECT_FALSE(ParseRunConfig("name = \"x\"\n", "f", Methods()).ok());
}

TEST(RunConfigTest, NamesThatCannotBeFoldersAreRefused) {
  EXPECT_NE(Refused("", {"name=a/b"}).find("letters"), std::string::npos);
  EXPECT_NE(Refused("", {"name=.."}).find("letters"), std::string::npos);
}

TEST(RunConfigTest, BrokenTomlIsNamedWithItsLine) {
  EXPECT_EQ(Refused("x = = 1\n").substr(0, 12), "demo.toml:8:");
}

TEST(RunConfigTest, OverridesThatAreNoneAreExplained) {
  EXPECT_NE(Refused("", {"method"}).find("expected key=value"), std::string::npos);
  EXPECT_NE(Refused("", {"name.x=1"}).find("not a table"), std::string::npos);
}

TEST(RunConfigTest, AuxiliaryWeightsAreNotForPairClients) {
  EXPECT_NE(Refused("[local]\ncomplementary = \"attn\"\n").find("pair clients alone"),
            std::string::npos);
  EXPECT_TRUE(Parse("[local]\ncomplementary = \"none\"\n").ok());
}

TEST(RunConfigTest, CreamFlNeedsAPublicSetAndOnePairDataset) {
  const std::string method = "creamfl.public=\"data/public\"";
  const auto config = Parse("", {"method=creamfl", method, "creamfl.samples=7"});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(MethodSettings<CreamFlSettings>(*config).public_set, "data/public");
  EXPECT_EQ(MethodSettings<CreamFlSettings>(*config).samples, 7);
  EXPECT_TRUE(config->aggregation.plain_pair_mean);
  EXPECT_NE(Refused("", {"method=creamfl"}).find("creamfl.public"), std::string::npos);
  EXPECT_NE(
      Refused("[[datasets]]\nname = \"more\"\nmodality = \"pair\"\nclients = 1\npath = \"x\"\n",
              {"method=creamfl", method})
          .find("exactly one"),
      std::string::npos);
}

TEST(RunConfigTest, TheBestRoundIsJudgedByAMetricOfADataset) {
  const auto config = Parse("[evaluation]\nbest = \"icons.r1_sum\"\npatience = 3\n");
  ASSERT_TRUE(config.ok()) << config.status();
  const auto best = ParseBestMetric(config->evaluation.best, config->datasets);
  ASSERT_TRUE(best.ok()) << best.status();
  EXPECT_EQ(best->dataset, "icons");
  EXPECT_TRUE(best->Better(2, 1));
  const auto loss = ParseBestMetric("icons.loss", config->datasets);
  ASSERT_TRUE(loss.ok()) << loss.status();
  EXPECT_TRUE(loss->Better(1, 2));
  EXPECT_FALSE(loss->Better(2, 2)) << "an equal one is no better";
}

TEST(RunConfigTest, ADatasetsNameMayHoldDotsBeforeItsMetric) {
  const std::vector<DatasetConfig> datasets = {{"scans.2024", Modality::kImage, 1, "data"}};
  const auto best = ParseBestMetric("scans.2024.auroc", datasets);
  ASSERT_TRUE(best.ok()) << best.status();
  EXPECT_EQ(best->dataset, "scans.2024");
  EXPECT_FALSE(ParseBestMetric("scans.auroc", datasets).ok());
}

TEST(RunConfigTest, ABestThatCannotBeIsRefusedWithWhatCan) {
  EXPECT_NE(Refused("[evaluation]\nbest = \"icon.r1_sum\"\n").find("DATASET.METRIC"),
            std::string::npos);
  EXPECT_NE(Refused("[evaluation]\nbest = \"icons\"\n").find("(icons)"), std::string::npos);
  EXPECT_NE(Refused("[evaluation]\nbest = \"icons.accuracy\"\n").find("are r1_sum, loss"),
            std::string::npos);
  EXPECT_NE(Refused("[evaluation]\npatience = 3\n").find("needs `best`"), std::string::npos);
  EXPECT_NE(Refused("[checkpoints]\nkeep = 1\n").find("from 2 to"), std::string::npos);
}

}  // namespace
}  // namespace tributary
