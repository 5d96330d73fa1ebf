#include "server/aggregation/scope.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ScopeTest, GroupsFollowTheNames) {
  EXPECT_EQ(GroupOf("blockses.0.3.attn.qkv.weight"), ParameterGroup::kAttn);
  EXPECT_EQ(GroupOf("blockses.1.0.mlp.fc1.bias"), ParameterGroup::kMlp);
  EXPECT_EQ(GroupOf("blockses.1.0.norm2.weight"), ParameterGroup::kBlockNorm);
  EXPECT_EQ(GroupOf("embeddings.0.cls_token"), ParameterGroup::kOther);
  EXPECT_EQ(GroupOf("norm.weight"), ParameterGroup::kOther);
  EXPECT_EQ(GroupOf("heads.0.head.weight"), ParameterGroup::kOther);
}

TEST(ScopeTest, ModalityIsTheNamesIndex) {
  EXPECT_EQ(ModalityOf("blockses.0.3.norm1.bias"), Modality::kImage);
  EXPECT_EQ(ModalityOf("embeddings.1.text_embeddings.LayerNorm.bias"), Modality::kText);
  EXPECT_EQ(ModalityOf("heads.1.head.bias"), Modality::kText);
  EXPECT_EQ(ModalityOf("norm.bias"), std::nullopt);
}

TEST(ScopeTest, OnlyBlocksHaveACounterpart) {
  EXPECT_EQ(CounterpartOf("blockses.0.3.attn.proj.bias"), "blockses.1.3.attn.proj.bias");
  EXPECT_EQ(CounterpartOf("blockses.1.3.attn.proj.bias"), "blockses.0.3.attn.proj.bias");
  EXPECT_EQ(CounterpartOf("embeddings.0.cls_token"), std::nullopt);
}

TEST(ScopeTest, TheReleasesShareWordsMeanOtherGroups) {
  AggregationConfig config;
  config.share = Share::kBlocks;
  EXPECT_TRUE(IsShared(ParameterGroup::kAttn, config));
  config.rule = Rule::kRelease;
  EXPECT_FALSE(IsShared(ParameterGroup::kAttn, config));
  EXPECT_TRUE(IsShared(ParameterGroup::kBlockNorm, config));
  config.share = Share::kMlp;
  EXPECT_FALSE(IsShared(ParameterGroup::kMlp, config));
  EXPECT_FALSE(IsShared(ParameterGroup::kOther, config));
}

TEST(ScopeTest, AnIndexElsewhereInTheNameIsNoModality) {
  EXPECT_EQ(ModalityOf("blockses.2.0.norm1.bias"), std::nullopt);
  EXPECT_EQ(ModalityOf("other.0.weight"), std::nullopt);
  EXPECT_EQ(ModalityOf("blockses.01.weight"), std::nullopt);
  EXPECT_EQ(ModalityOf(""), std::nullopt);
  EXPECT_EQ(CounterpartOf("heads.0.head.weight"), std::nullopt);
  EXPECT_EQ(CounterpartOf("blockses.2.x"), std::nullopt);
  EXPECT_EQ(CounterpartOf("blockses.0.1.norm.0.weight"), "blockses.1.1.norm.0.weight");
}

TEST(ScopeTest, APairHoldsBothModalities) {
  constexpr Modality kImage = Modality::kImage, kText = Modality::kText, kPair = Modality::kPair;
  EXPECT_TRUE(Holds(kImage, kImage));
  EXPECT_FALSE(Holds(kImage, kText));
  EXPECT_FALSE(Holds(kText, kImage));
  EXPECT_TRUE(Holds(kText, kText));
  EXPECT_TRUE(Holds(kPair, kImage));
  EXPECT_TRUE(Holds(kPair, kText));
  EXPECT_FALSE(ShareModality(kImage, kText));
  EXPECT_FALSE(ShareModality(kText, kImage));
  for (const Modality modality : {kImage, kText, kPair}) {
    EXPECT_TRUE(ShareModality(modality, modality));
    EXPECT_TRUE(ShareModality(modality, kPair));
    EXPECT_TRUE(ShareModality(kPair, modality));
  }
}

TEST(ScopeTest, EveryShareWordUnderBothRules) {
  struct Case {
    Share share;
    Rule rule;
    bool attn, mlp, norm;
  };
  const Case cases[] = {{Share::kNone, Rule::kPaper, false, false, false},
                        {Share::kNone, Rule::kRelease, false, false, false},
                        {Share::kAttn, Rule::kPaper, true, false, false},
                        {Share::kAttn, Rule::kRelease, true, false, false},
                        {Share::kMlp, Rule::kPaper, false, true, false},
                        {Share::kMlp, Rule::kRelease, false, false, false},
                        {Share::kBlocks, Rule::kPaper, true, true, true},
                        {Share::kBlocks, Rule::kRelease, false, true, true}};
  for (const Case& one : cases) {
    AggregationConfig config;
    config.share = one.share;
    config.rule = one.rule;
    EXPECT_EQ(IsShared(ParameterGroup::kAttn, config), one.attn);
    EXPECT_EQ(IsShared(ParameterGroup::kMlp, config), one.mlp);
    EXPECT_EQ(IsShared(ParameterGroup::kBlockNorm, config), one.norm);
    EXPECT_FALSE(IsShared(ParameterGroup::kOther, config));
  }
}

constexpr char kImageAttn[] = "blockses.0.0.attn.qkv.weight";
constexpr char kTextAttn[] = "blockses.1.0.attn.qkv.weight";

class SourcesTest : public testing::Test {
 protected:
  SourcesTest() {
    config_.share = Share::kAttn;
    config_.scope = Scope::kModality;
  }
  std::vector<std::string> Of(Modality client, const std::string& parameter) const {
    return SourcesOf({"a", DatasetOf(client), client, 1}, target_, parameter, config_);
  }
  static std::string DatasetOf(Modality modality) {
    return modality == Modality::kImage ? "img" : modality == Modality::kText ? "txt" : "pair";
  }

  AggregationConfig config_;
  const Target target_{.dataset = "img", .modality = Modality::kImage, .manifest = {}};
};

TEST_F(SourcesTest, WhatIsNotSharedComesFromTheDatasetsOwnClients) {
  for (const char* name : {"norm.weight", "blockses.0.0.mlp.fc1.bias", "heads.0.head.bias"}) {
    EXPECT_THAT(Of(Modality::kImage, name), ElementsAre(name));
    EXPECT_THAT(Of(Modality::kPair, name), IsEmpty());
  }
  config_.scope = Scope::kDataset;
  EXPECT_THAT(Of(Modality::kPair, kImageAttn), IsEmpty()) << "sharing within a dataset is none";
}

TEST_F(SourcesTest, WithinAModalityEveryClientThatHoldsIt) {
  for (const Scope scope : {Scope::kModality, Scope::kModalityExact}) {
    config_.scope = scope;
    EXPECT_THAT(Of(Modality::kImage, kImageAttn), ElementsAre(kImageAttn));
    EXPECT_THAT(Of(Modality::kPair, kImageAttn), ElementsAre(kImageAttn));
    EXPECT_THAT(Of(Modality::kText, kImageAttn), IsEmpty());
    EXPECT_THAT(Of(Modality::kText, kTextAttn), ElementsAre(kTextAttn));
  }
}

TEST_F(SourcesTest, AcrossModalitiesTheCounterpartServes) {
  config_.scope = Scope::kAll;
  EXPECT_THAT(Of(Modality::kImage, kImageAttn), ElementsAre(kImageAttn));
  EXPECT_THAT(Of(Modality::kText, kImageAttn), ElementsAre(kTextAttn));
  EXPECT_THAT(Of(Modality::kPair, kImageAttn), ElementsAre(kImageAttn, kTextAttn));
  config_.rule = Rule::kRelease;
  EXPECT_THAT(Of(Modality::kPair, kImageAttn), ElementsAre(kImageAttn));
  EXPECT_THAT(Of(Modality::kPair, kTextAttn), ElementsAre(kTextAttn));
  EXPECT_THAT(Of(Modality::kText, kImageAttn), ElementsAre(kTextAttn));
}

}  // namespace
}  // namespace tributary
