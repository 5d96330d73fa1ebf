// algorithm.md section 4 against golden/aggregate and golden/aggregate_more: every rule, scope and
// method. Updates travel as in a run: as deltas against their own global, encoded, spooled,
// verified, added.

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/codec/encoded_state.h"
#include "common/config/choices.h"
#include "server/aggregation/aggregator.h"
#include "tests/golden/golden_data.h"
#include "tests/scratch_folder.h"
#include "tests/whole_upload.h"

namespace tributary {
namespace {

constexpr double kTolerance = 2e-6;

Modality ModalityFromRelease(const std::string& name) {
  if (name == "img") return Modality::kImage;
  if (name == "txt") return Modality::kText;
  EXPECT_EQ(name, "img+txt");
  return Modality::kPair;
}

template <typename T, size_t N>
T Chosen(const nlohmann::json& word, const std::array<Choice<T>, N>& choices) {
  for (const Choice<T>& choice : choices) {
    if (word.get<std::string>() == std::string(choice.word)) return choice.value;
  }
  ADD_FAILURE() << "unknown choice " << word;
  return choices[0].value;
}

AggregationConfig ConfigOf(const nlohmann::json& golden) {
  static const std::set<std::string> kKnown = {
      "rule",  "method",       "cohort",      "share",
      "scope", "compensation", "pair_weight", "out_modality_scale"};
  for (const auto& [key, value] : golden.items()) {
    EXPECT_TRUE(kKnown.contains(key)) << "case has unknown key " << key;
  }
  AggregationConfig config;
  config.rule = Chosen(golden["rule"], kRules);
  config.share = Chosen(golden["share"], kShares);
  config.scope = Chosen(golden["scope"], kScopes);
  config.compensation = golden["compensation"].get<bool>();
  config.pair_weight = golden.value("pair_weight", 1.0);
  config.out_modality_scale = golden.value("out_modality_scale", 1.0);
  return config;
}

class AggregateFolder {
 public:
  explicit AggregateFolder(const std::string& folder)
      : folder_(folder), cases_(GoldenJson(folder + "/cases.json")) {
    for (const auto& [name, modality] : cases_["targets"].items()) {
      globals_[name] = GoldenState(folder + "/global." + name + ".safetensors");
      targets_.push_back({.dataset = name,
                          .modality = ModalityFromRelease(modality),
                          .manifest = Manifest::Of(globals_[name])});
    }
  }

  const nlohmann::json& cases() const { return cases_["cases"]; }

  // In increasing id, which names of one digit keep.
  std::vector<CohortMember> Cohort(const std::string& name) const {
    std::vector<CohortMember> cohort;
    for (const auto& client : cases_["clients"]) {
      const auto& ids = cases_["cohorts"][name];
      if (std::find(ids.begin(), ids.end(), client["id"]) == ids.end()) continue;
      cohort.push_back({.client = std::to_string(client["id"].get<int>()),
                        .dataset = client["dataset"],
                        .modality = ModalityFromRelease(client["modality"]),
                        .samples = client["samples"].get<uint64_t>()});
    }
    return cohort;
  }

  StateDict DeltaOf(const CohortMember& member) const {
    const StateDict update = GoldenState(folder_ + "/update." + member.client + ".safetensors");
    StateDict delta = globals_.at(member.dataset);
    for (size_t i = 0; i < delta.size(); ++i) {
      const Tensor* after = update.Find(delta[i].name);
      EXPECT_NE(after, nullptr) << delta[i].name;
      std::vector<float>& values = delta[i].tensor.values;
      for (size_t j = 0; j < values.size(); ++j) values[j] = after->values[j] - values[j];
    }
    return delta;
  }

  void Check(const nlohmann::json& golden) const {
    const AggregationConfig config = ConfigOf(golden);
    const std::vector<CohortMember> cohort = Cohort(golden["cohort"]);
    const std::string stem = folder_ + "/" + golden["rule"].get<std::string>() + "." +
                             golden["method"].get<std::string>() + "." +
                             golden["cohort"].get<std::string>();
    const ScratchFolder scratch;
    SpoolBudget budget(1 << 12);  // so small that spools also use their files
    Aggregator aggregator(targets_, cohort, config);
    for (auto member = cohort.rbegin(); member != cohort.rend(); ++member) {
      auto spool = std::make_unique<Spool>(scratch / member->client, &budget);
      const auto encoded = EncodedState::Encode(DeltaOf(*member), Codec::kF32, 4096, 1);
      const absl::Status added = AddWhole(*member, *encoded, std::move(spool), &aggregator);
      ASSERT_TRUE(added.ok()) << added;
    }
    const auto merged = std::move(aggregator).Finish(globals_);
    ASSERT_TRUE(merged.ok()) << merged.status();
    for (const auto& [name, state] : *merged) {
      const StateDict expected = GoldenState(stem + "." + name + ".safetensors");
      ASSERT_EQ(expected.size(), state.size());
      for (const StateDict::Entry& entry : state) {
        ExpectNear(stem + " " + name + " " + entry.name, entry.tensor.values,
                   expected.Find(entry.name)->values, kTolerance);
      }
    }
    if (golden["rule"] == "paper") CheckCoefficients(stem, config, cohort);
  }

 private:
  void CheckCoefficients(const std::string& stem, const AggregationConfig& config,
                         const std::vector<CohortMember>& cohort) const {
    const nlohmann::json expected = GoldenJson(stem + ".coefficients.json");
    const nlohmann::json ours = PlanToJson(BuildPlan(targets_, cohort, config), targets_, cohort);
    for (const auto& [target, parameters] : expected.items()) {
      for (const auto& [name, row] : parameters.items()) {
        const nlohmann::json& our_row = ours[target][name];
        ASSERT_EQ(our_row.size(), row.size())
            << stem << " " << target << " " << name << our_row << row;
        for (const auto& [client, coefficient] : row.items()) {
          ASSERT_TRUE(our_row.contains(client)) << stem << " " << target << " " << name << our_row;
          ASSERT_NEAR(our_row[client].get<double>(), coefficient.get<double>(), 1e-12);
        }
      }
    }
  }

  std::string folder_;
  nlohmann::json cases_;
  std::map<std::string, StateDict> globals_;
  std::vector<Target> targets_;
};

TEST(AggregateTest, EveryCaseOfRuleAndMethodIsReproduced) {
  const AggregateFolder folder("aggregate");
  ASSERT_FALSE(folder.cases().empty());
  for (const auto& golden : folder.cases()) folder.Check(golden);
}

TEST(AggregateTest, TheReleasesOtherConfigurationsAreReproduced) {
  const AggregateFolder folder("aggregate_more");
  ASSERT_FALSE(folder.cases().empty());
  for (const auto& golden : folder.cases()) folder.Check(golden);
}

}  // namespace
}  // namespace tributary
