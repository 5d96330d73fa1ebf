#include "server/aggregation/plan.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "tests/unit/server/aggregation/plan_reference.h"

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

TEST(PlanTest, SamplesOfPairClientsCountSoManyTimes) {
  AggregationConfig config;
  config.pair_weight = 100;
  EXPECT_EQ(MemberWeight({"a", "pair", Modality::kPair, 3}, config), 300);
  EXPECT_EQ(MemberWeight({"a", "img", Modality::kImage, 3}, config), 3);
  EXPECT_EQ(MemberWeight({"a", "txt", Modality::kText, 0}, config), 0);
}

TEST(PlanTest, EveryTargetAndParameterHasItsPlace) {
  const Plan plan = BuildPlan(Targets(), {}, {});
  ASSERT_EQ(plan.size(), 2u);
  for (const auto& [target, parameters] : plan) {
    ASSERT_EQ(parameters.size(), 2u) << target;
    for (const auto& contributions : parameters) EXPECT_TRUE(contributions.empty());
  }
}

TEST(PlanTest, UnderTheReleasesRuleCompensationWithinADatasetMovesNothing) {
  AggregationConfig config;
  config.rule = Rule::kRelease;
  config.compensation = true;
  const Plan plan = BuildPlan(Targets(), Cohort(), config);
  for (const auto& contributions : plan.at("img")) EXPECT_TRUE(contributions.empty());
}

TEST(PlanTest, OnlyTheOneMeaninglessChoiceIsRefused) {
  for (const Rule rule : {Rule::kPaper, Rule::kRelease}) {
    for (const Scope scope :
         {Scope::kDataset, Scope::kModality, Scope::kModalityExact, Scope::kAll}) {
      for (const bool compensation : {false, true}) {
        AggregationConfig config;
        config.rule = rule;
        config.scope = scope;
        config.compensation = compensation;
        const bool meaningless =
            rule == Rule::kRelease && scope == Scope::kModalityExact && compensation;
        EXPECT_EQ(CheckAggregation(config).ok(), !meaningless);
      }
    }
  }
}

TEST(PlanTest, JsonNamesEveryParameterAlsoThoseThatNobodyMoves) {
  const std::vector<Target> targets = Targets();
  const std::vector<CohortMember> cohort = {Cohort()[0]};
  const auto json = PlanToJson(BuildPlan(targets, cohort, {}), targets, cohort);
  EXPECT_EQ(json, nlohmann::json({{"img", {{kAttn, {{"a", 1.0}}}, {"norm.weight", {{"a", 1.0}}}}},
                                  {"pair",
                                   {{kAttn, nlohmann::json::object()},
                                    {"norm.weight", nlohmann::json::object()}}}}));
}

// Against the rules written out, over random cohorts and every choice.
class PlanRules : public testing::Test {
 protected:
  static std::vector<std::string> NamesOf(Modality modality) {
    std::vector<std::string> names = {"norm.weight"};
    for (const std::string index : {"0", "1"}) {
      if (!Holds(modality, index == "0" ? Modality::kImage : Modality::kText)) continue;
      for (const char* layer : {".0.attn.qkv.weight", ".0.mlp.fc1.bias", ".0.norm1.weight"}) {
        names.push_back("blockses." + index + layer);
      }
      names.push_back("embeddings." + index + ".pos_embed");
      if (modality != Modality::kPair) names.push_back("heads." + index + ".head.bias");
    }
    return names;
  }
  static Target TargetOf(const std::string& dataset, Modality modality) {
    Target target{.dataset = dataset, .modality = modality, .manifest = {}};
    for (const std::string& name : NamesOf(modality))
      target.manifest.tensors.push_back({name, {1}});
    return target;
  }

  // Four datasets, of which two are images'; `clients` of them at random, with random uploads.
  void Draw(size_t clients, RandomStream* stream) {
    cohort_.clear();
    uploads_.clear();
    for (size_t k = 0; k < clients; ++k) {
      const Target& home = targets_[stream->Below(targets_.size())];
      cohort_.push_back(
          {"client-" + std::to_string(k), home.dataset, home.modality, 1 + stream->Below(50)});
      Numbers upload;
      for (const std::string& name : NamesOf(home.modality)) upload[name] = stream->Normal();
      uploads_.push_back(std::move(upload));
    }
  }

  void ExpectAsTheRuleSays(const AggregationConfig& config, RandomStream* stream) {
    const Plan plan = BuildPlan(targets_, cohort_, config);
    const PlanReference reference(cohort_, uploads_, config);
    for (const Target& target : targets_) {
      for (size_t i = 0; i < target.manifest.tensors.size(); ++i) {
        const std::string& name = target.manifest.tensors[i].name;
        const double before = stream->Normal();
        double after = before;
        for (const Contribution& contribution : plan.at(target.dataset)[i]) {
          after += contribution.coefficient *
                   (uploads_[contribution.member].at(contribution.source) - before);
        }
        ASSERT_NEAR(after, reference.After(target, name, before), 1e-12)
            << target.dataset << " " << name << " rule " << static_cast<int>(config.rule)
            << " share " << static_cast<int>(config.share) << " scope "
            << static_cast<int>(config.scope) << " compensation " << config.compensation;
      }
    }
  }

  const std::vector<Target> targets_ = {
      TargetOf("icons", Modality::kImage), TargetOf("photos", Modality::kImage),
      TargetOf("words", Modality::kText), TargetOf("captions", Modality::kPair)};
  std::vector<CohortMember> cohort_;
  std::vector<Numbers> uploads_;
};

TEST_F(PlanRules, CoefficientsEndWhereTheRulesEnd) {
  RandomStream stream(1, "plans");
  for (const size_t clients : std::initializer_list<size_t>{0, 1, 2, 5, 9}) {
    for (const Rule rule : {Rule::kPaper, Rule::kRelease}) {
      for (const Share share : {Share::kNone, Share::kAttn, Share::kMlp, Share::kBlocks}) {
        for (const Scope scope :
             {Scope::kDataset, Scope::kModality, Scope::kModalityExact, Scope::kAll}) {
          for (const bool compensation : {false, true}) {
            AggregationConfig config{
                .rule = rule, .share = share, .scope = scope, .compensation = compensation};
            if (!CheckAggregation(config).ok()) continue;
            // Run files refuse it: clients may then contribute where nobody holds the modality, by
            // whose samples the sum is divided.
            const bool refused = compensation && scope != Scope::kModality;
            if (rule == Rule::kPaper && refused) continue;
            config.pair_weight = stream.Below(2) == 0 ? 1 : 100;
            config.out_modality_scale = stream.Below(2) == 0 ? 1 : 0.25;
            config.plain_pair_mean = stream.Below(2) == 0 && !refused;
            Draw(clients, &stream);
            ExpectAsTheRuleSays(config, &stream);
          }
        }
      }
    }
  }
}

TEST_F(PlanRules, ThePapersRuleDoesNotDependOnTheOrderOfClients) {
  RandomStream stream(2, "plans");
  Draw(6, &stream);
  AggregationConfig config;
  config.share = Share::kAttn;
  config.scope = Scope::kModality;
  config.compensation = true;
  const std::vector<CohortMember> reversed(cohort_.rbegin(), cohort_.rend());
  const Plan forth = BuildPlan(targets_, cohort_, config);
  const Plan back = BuildPlan(targets_, reversed, config);
  for (const Target& target : targets_) {
    for (size_t i = 0; i < target.manifest.tensors.size(); ++i) {
      for (const Contribution& contribution : forth.at(target.dataset)[i]) {
        EXPECT_NEAR(Coefficient(back, target.dataset, i, cohort_.size() - 1 - contribution.member),
                    contribution.coefficient, 1e-15);
      }
    }
  }
}

}  // namespace
}  // namespace tributary
