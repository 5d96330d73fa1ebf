#include "server/method/fedcola/auxiliary.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/model/initial_state.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kImage[] = "blockses.0.0.mlp.fc1";
constexpr char kText[] = "blockses.1.0.mlp.fc1";

std::string Weight(const std::string& layer) { return layer + ".weight"; }
std::string Auxiliary(const std::string& layer) { return layer + ".aux_weight"; }

StateDict State(const std::vector<std::pair<std::string, float>>& tensors) {
  StateDict state;
  for (const auto& [name, value] : tensors) EXPECT_TRUE(state.Add(name, {{1}, {value}}).ok());
  return state;
}

std::vector<std::string> Names(const StateDict& state) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : state) names.push_back(name);
  return names;
}

Target TargetOf(const std::string& dataset, Modality modality) {
  return {.dataset = dataset, .modality = modality, .manifest = {}};
}

TEST(InitialAuxiliaryTest, IsEachLayersOwnWeightInTheOrderOfTheDownload) {
  const Manifest download{{{"norm.weight", {1}},
                           {"b.weight", {1}},
                           {"b.aux_weight", {1}},
                           {"a.weight", {1}},
                           {"a.aux_weight", {1}}}};
  const auto auxiliary =
      InitialAuxiliary(download, State({{"norm.weight", 1}, {"a.weight", 2}, {"b.weight", 3}}));
  ASSERT_TRUE(auxiliary.ok()) << auxiliary.status();
  EXPECT_THAT(Names(*auxiliary), ElementsAre("b.aux_weight", "a.aux_weight"));
  EXPECT_THAT(auxiliary->Find("a.aux_weight")->values, ElementsAre(2));
  EXPECT_THAT(auxiliary->Find("b.aux_weight")->values, ElementsAre(3));
}

TEST(InitialAuxiliaryTest, ThereIsNoneWithoutComplementaryLayers) {
  const auto auxiliary = InitialAuxiliary({{{"a.weight", {1}}}}, State({{"a.weight", 2}}));
  ASSERT_TRUE(auxiliary.ok());
  EXPECT_TRUE(auxiliary->empty());
}

TEST(InitialAuxiliaryTest, ALayerThatTheGlobalLacksIsNamed) {
  const absl::Status status =
      InitialAuxiliary({{{"a.aux_weight", {1}}}}, State({{"b.weight", 2}})).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("a.weight"));
}

TEST(InitialAuxiliaryTest, AWholeModelsDownloadIsFilled) {
  const ModelSpec spec{.dim = 8,
                       .depth = 2,
                       .heads = 2,
                       .patch = 4,
                       .image_size = 8,
                       .channels = 3,
                       .max_tokens = 4,
                       .vocabulary_size = 20,
                       .drop_path = 0,
                       .classes = 3,
                       .complementary = ComplementaryLayers::kAll};
  const Manifest download = *ModelManifest(spec, Modality::kText, TensorScope::kDownload);
  const StateDict global = *InitialState(spec, Modality::kText, 1, "words");
  const auto auxiliary = InitialAuxiliary(download, global);
  ASSERT_TRUE(auxiliary.ok()) << auxiliary.status();
  EXPECT_EQ(global.size() + auxiliary->size(), download.tensors.size());
  for (const TensorSpec& tensor : download.tensors) {
    const Tensor* held = global.Find(tensor.name);
    if (held == nullptr) held = auxiliary->Find(tensor.name);
    ASSERT_NE(held, nullptr) << tensor.name;
    EXPECT_EQ(held->shape, tensor.shape) << tensor.name;
  }
}

class RefreshTest : public testing::Test {
 protected:
  std::vector<float> Of(const std::string& dataset, const std::string& layer) {
    return auxiliary_.at(dataset).Find(Auxiliary(layer))->values;
  }

  std::vector<Target> targets_ = {TargetOf("pictures", Modality::kImage),
                                  TargetOf("words", Modality::kText)};
  std::map<std::string, StateDict> globals_ = {{"pictures", State({{Weight(kImage), 10}})},
                                               {"words", State({{Weight(kText), 20}})}};
  std::map<std::string, StateDict> auxiliary_ = {{"pictures", State({{Auxiliary(kImage), 1}})},
                                                 {"words", State({{Auxiliary(kText), 2}})}};
};

TEST_F(RefreshTest, EachModalityGetsTheOthersWeights) {
  ASSERT_TRUE(RefreshAuxiliary(targets_, globals_, &auxiliary_).ok());
  EXPECT_THAT(Of("pictures", kImage), ElementsAre(20));
  EXPECT_THAT(Of("words", kText), ElementsAre(10));
}

TEST_F(RefreshTest, TheFirstTargetOfTheOtherModalityIsThePartner) {
  targets_ = {TargetOf("pictures", Modality::kImage), TargetOf("z", Modality::kText),
              TargetOf("words", Modality::kText)};
  globals_["z"] = State({{Weight(kText), 30}});
  ASSERT_TRUE(RefreshAuxiliary(targets_, globals_, &auxiliary_).ok());
  EXPECT_THAT(Of("pictures", kImage), ElementsAre(30)) << "the run file's order counts, not names";
}

TEST_F(RefreshTest, APairTargetIsNoPartnerAndHasNone) {
  targets_ = {TargetOf("pictures", Modality::kImage), TargetOf("both", Modality::kPair)};
  globals_["both"] = State({{Weight(kImage), 7}, {Weight(kText), 8}});
  auxiliary_["both"] = State({{Auxiliary(kImage), 5}});
  ASSERT_TRUE(RefreshAuxiliary(targets_, globals_, &auxiliary_).ok());
  EXPECT_THAT(Of("pictures", kImage), ElementsAre(1)) << "the present ones stay";
  EXPECT_THAT(Of("both", kImage), ElementsAre(5));
}

TEST_F(RefreshTest, ATargetWithoutAuxiliaryWeightsIsLeftOut) {
  auxiliary_.erase("words");
  ASSERT_TRUE(RefreshAuxiliary(targets_, globals_, &auxiliary_).ok());
  EXPECT_THAT(Of("pictures", kImage), ElementsAre(20));
  EXPECT_FALSE(auxiliary_.contains("words"));
  auxiliary_.clear();
  EXPECT_TRUE(RefreshAuxiliary(targets_, globals_, &auxiliary_).ok());
  EXPECT_THAT(auxiliary_, IsEmpty());
}

TEST_F(RefreshTest, EveryLayerOfATargetIsRefreshed) {
  const std::string other = "blockses.0.1.attn.qkv", counterpart = "blockses.1.1.attn.qkv";
  auxiliary_["pictures"] = State({{Auxiliary(kImage), 1}, {Auxiliary(other), 1}});
  globals_["words"] = State({{Weight(counterpart), 21}, {Weight(kText), 20}});
  ASSERT_TRUE(RefreshAuxiliary(targets_, globals_, &auxiliary_).ok());
  EXPECT_THAT(Of("pictures", kImage), ElementsAre(20));
  EXPECT_THAT(Of("pictures", other), ElementsAre(21));
}

TEST_F(RefreshTest, APartnerWithoutTheLayerIsInternal) {
  globals_["words"] = State({{"norm.weight", 1}});
  const absl::Status status = RefreshAuxiliary(targets_, globals_, &auxiliary_);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr(Weight(kText)));
}

}  // namespace
}  // namespace tributary
