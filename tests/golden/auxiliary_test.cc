// A whole server round of FedCola by the release: local states are merged, aggregated, and the
// auxiliary weights are refreshed. golden/aux_refresh.

#include "server/method/fedcola/auxiliary.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/codec/encoded_state.h"
#include "server/aggregation/aggregator.h"
#include "tests/golden/golden_cohort.h"
#include "tests/golden/golden_shapes.h"
#include "tests/scratch_folder.h"
#include "tests/whole_upload.h"

namespace tributary {
namespace {

constexpr double kTolerance = 2e-6;
constexpr absl::string_view kGate = ".cross_modal_scale", kAuxiliary = ".aux_weight";

bool IsPlain(const std::string& name) {
  return !absl::EndsWith(name, kGate) && !absl::EndsWith(name, kAuxiliary);
}

StateDict Select(const StateDict& state, bool plain) {
  StateDict selected;
  for (const StateDict::Entry& entry : state) {
    const bool wanted = plain ? IsPlain(entry.name) : absl::EndsWith(entry.name, kAuxiliary);
    if (!wanted) continue;
    EXPECT_TRUE(selected.Add(entry.name, entry.tensor).ok());
  }
  return selected;
}

// W + g * A of a client's state after training.
StateDict Merge(const StateDict& local) {
  StateDict merged = Select(local, true);
  for (size_t i = 0; i < merged.size(); ++i) {
    const std::string layer(absl::StripSuffix(merged[i].name, ".weight"));
    const Tensor* auxiliary = local.Find(absl::StrCat(layer, kAuxiliary));
    if (auxiliary == nullptr || !absl::EndsWith(merged[i].name, ".weight")) continue;
    const float gate = local.Find(absl::StrCat(layer, kGate))->values[0];
    std::vector<float>& values = merged[i].tensor.values;
    for (size_t j = 0; j < values.size(); ++j) values[j] += gate * auxiliary->values[j];
  }
  return merged;
}

StateDict Difference(StateDict after, const StateDict& before) {
  for (size_t i = 0; i < after.size(); ++i) {
    std::vector<float>& values = after[i].tensor.values;
    const std::vector<float>& old = before.Find(after[i].name)->values;
    for (size_t j = 0; j < values.size(); ++j) values[j] -= old[j];
  }
  return after;
}

void CheckCase(const nlohmann::ordered_json& cases, const nlohmann::ordered_json& golden) {
  const AggregationConfig config = AggregationOf(golden, {"name", "layers", "cohort"});
  const std::string stem = absl::StrCat("aux_refresh/", golden.at("name").get<std::string>());
  std::vector<Target> targets;
  std::map<std::string, StateDict> globals, auxiliary;
  for (const auto& [name, modality] : cases.at("targets").items()) {
    const StateDict before = GoldenState(stem + ".before." + name + ".safetensors");
    globals[name] = Select(before, true);
    const Modality kind = ModalityFromRelease(modality);
    if (kind != Modality::kPair) {
      auxiliary[name] = Select(before, false);
      EXPECT_EQ(GatedLayers(ShapesOf(before)), Chosen(golden.at("layers"), kComplementaryLayers));
    }
    targets.push_back({name, kind, Manifest::Of(globals[name])});
  }
  const std::vector<CohortMember> cohort = CohortOf(cases.at("clients"), golden.at("cohort"));
  const ScratchFolder scratch;
  SpoolBudget budget(1 << 24);
  Aggregator aggregator(targets, cohort, config);
  const std::map<std::string, int64_t> ids = IdsOf(cases.at("clients"));
  for (const CohortMember& member : cohort) {
    const StateDict local =
        GoldenState(absl::StrCat(stem, ".local.", ids.at(member.client), ".safetensors"));
    const auto encoded = EncodedState::Encode(Difference(Merge(local), globals[member.dataset]),
                                              Codec::kF32, 4096, 1);
    auto spool = std::make_unique<Spool>(scratch / member.client, &budget);
    const absl::Status added = AddWhole(member, *encoded, std::move(spool), &aggregator);
    ASSERT_TRUE(added.ok()) << added;
  }
  const auto merged = std::move(aggregator).Finish(globals);
  ASSERT_TRUE(merged.ok()) << merged.status();
  ASSERT_TRUE(RefreshAuxiliary(targets, *merged, &auxiliary).ok());
  for (const auto& [name, global] : *merged) {
    for (const StateDict::Entry& entry : GoldenState(stem + ".after." + name + ".safetensors")) {
      if (absl::EndsWith(entry.name, kGate)) {
        EXPECT_EQ(entry.tensor.values[0], 0) << "gates of globals stay 0";
        continue;
      }
      const Tensor* ours =
          IsPlain(entry.name) ? global.Find(entry.name) : auxiliary[name].Find(entry.name);
      ASSERT_NE(ours, nullptr) << name << " " << entry.name;
      ExpectNear(stem + " " + name + " " + entry.name, ours->values, entry.tensor.values,
                 kTolerance);
    }
  }
}

TEST(AuxiliaryTest, AServerRoundOfTheReleaseIsReproduced) {
  const nlohmann::ordered_json cases = GoldenJson("aux_refresh/cases.json");
  ExpectKnownKeys(cases, {"targets", "clients", "cases"});
  ASSERT_FALSE(cases.at("cases").empty());
  for (const auto& golden : cases.at("cases")) CheckCase(cases, golden);
}

}  // namespace
}  // namespace tributary
