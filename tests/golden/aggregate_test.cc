// docs/algorithm.md section 4 against golden/aggregate and golden/aggregate_more: every rule, scope
// and method. Updates travel as in a run: as deltas against their own global, encoded, spooled,
// verified, added.

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/codec/encoded_state.h"
#include "server/aggregation/aggregator.h"
#include "tests/golden/golden_cohort.h"
#include "tests/scratch_folder.h"
#include "tests/whole_upload.h"

namespace tributary {
namespace {

constexpr double kTolerance = 2e-6;

class AggregateFolder {
 public:
  explicit AggregateFolder(const std::string& folder)
      : folder_(folder), cases_(GoldenJson(folder + "/cases.json")) {
    ExpectKnownKeys(cases_, {"targets", "clients", "cohorts", "cases"});
    for (const auto& [name, modality] : cases_.at("targets").items()) {
      globals_[name] = GoldenState(folder + "/global." + name + ".safetensors");
      targets_.push_back({.dataset = name,
                          .modality = ModalityFromRelease(modality),
                          .manifest = Manifest::Of(globals_[name])});
    }
    ids_ = IdsOf(cases_.at("clients"));
  }

  const nlohmann::ordered_json& cases() const { return cases_.at("cases"); }

  StateDict DeltaOf(const CohortMember& member) const {
    const StateDict update =
        GoldenState(absl::StrCat(folder_, "/update.", ids_.at(member.client), ".safetensors"));
    StateDict delta = globals_.at(member.dataset);
    for (size_t i = 0; i < delta.size(); ++i) {
      const Tensor* after = update.Find(delta[i].name);
      EXPECT_NE(after, nullptr) << delta[i].name;
      std::vector<float>& values = delta[i].tensor.values;
      for (size_t j = 0; j < values.size(); ++j) values[j] = after->values[j] - values[j];
    }
    return delta;
  }

  void Check(const nlohmann::ordered_json& golden) const {
    const AggregationConfig config = AggregationOf(golden, {"method", "cohort"});
    const std::string name = golden.at("cohort"), method = golden.at("method");
    const std::vector<CohortMember> cohort =
        CohortOf(cases_.at("clients"), cases_.at("cohorts").at(name));
    const std::string stem =
        absl::StrCat(folder_, "/", golden.at("rule").get<std::string>(), ".", method, ".", name);
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
    ASSERT_EQ(merged->size(), targets_.size());
    for (const auto& [target, state] : *merged) {
      const StateDict expected = GoldenState(stem + "." + target + ".safetensors");
      ASSERT_EQ(expected.size(), state.size());
      for (const StateDict::Entry& entry : state) {
        const Tensor* golden_tensor = expected.Find(entry.name);
        ASSERT_NE(golden_tensor, nullptr) << stem << " " << target << " " << entry.name;
        ExpectNear(stem + " " + target + " " + entry.name, entry.tensor.values,
                   golden_tensor->values, kTolerance);
      }
    }
    if (config.rule == Rule::kPaper) CheckCoefficients(stem, config, cohort);
  }

 private:
  void CheckCoefficients(const std::string& stem, const AggregationConfig& config,
                         const std::vector<CohortMember>& cohort) const {
    const nlohmann::ordered_json expected = GoldenJson(stem + ".coefficients.json");
    const nlohmann::json ours = PlanToJson(BuildPlan(targets_, cohort, config), targets_, cohort);
    ASSERT_EQ(ours.size(), expected.size()) << stem;
    for (const auto& [target, parameters] : expected.items()) {
      for (const auto& [name, row] : parameters.items()) {
        const nlohmann::json our_row = ours.at(target).value(name, nlohmann::json::object());
        ASSERT_EQ(our_row.size(), row.size())
            << stem << " " << target << " " << name << our_row << row;
        for (const auto& [contribution, coefficient] : row.items()) {
          const std::string client = NameOfContribution(contribution);
          ASSERT_TRUE(our_row.contains(client)) << stem << " " << target << " " << name << our_row;
          ASSERT_NEAR(our_row[client].get<double>(), coefficient.get<double>(), 1e-12);
        }
      }
    }
  }

  // "ID" or "ID:SOURCE", with the client's name for its id.
  static std::string NameOfContribution(const std::string& golden) {
    const size_t colon = std::min(golden.find(':'), golden.size());
    return ClientName(std::stoll(golden.substr(0, colon))) + golden.substr(colon);
  }

  std::string folder_;
  nlohmann::ordered_json cases_;
  std::map<std::string, int64_t> ids_;  // by client
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
