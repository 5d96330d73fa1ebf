#include "server/aggregation/scope.h"

#include <gtest/gtest.h>

namespace tributary {
namespace {

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

}  // namespace
}  // namespace tributary
