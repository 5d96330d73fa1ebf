#include "common/model/model_file.h"

#include <gtest/gtest.h>

#include "tests/unit/common/model/tiny_model.h"

namespace tributary {
namespace {

TEST(ModelFileTest, ImagePartsHaveTimmsNames) {
  const StateDict global = TinyState(TinySpec(), Modality::kImage);
  const auto renamed = InTimmNames(global);
  ASSERT_TRUE(renamed.ok()) << renamed.status();
  EXPECT_EQ(renamed->size(), global.size());
  for (const char* name : {"cls_token", "pos_embed", "patch_embed.proj.weight",
                           "blocks.1.attn.qkv.bias", "norm.weight", "head.bias"}) {
    EXPECT_NE(renamed->Find(name), nullptr) << name;
  }
  EXPECT_EQ(renamed->Find("blocks.1.attn.qkv.bias")->values,
            global.Find("blockses.0.1.attn.qkv.bias")->values);
}

TEST(ModelFileTest, APairModelGivesItsImagePartsAlone) {
  const auto renamed = InTimmNames(TinyState(TinySpec(), Modality::kPair));
  ASSERT_TRUE(renamed.ok()) << renamed.status();
  for (const StateDict::Entry& entry : *renamed) {
    EXPECT_EQ(entry.name.find("text"), std::string::npos) << entry.name;
  }
  EXPECT_EQ(InTimmNames(TinyState(TinySpec(), Modality::kText)).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(ModelFileTest, MetadataTellsWhatShapesDoNot) {
  const auto metadata = ModelMetadata(TinySpec(), Modality::kPair);
  EXPECT_EQ(metadata.at("heads"), "2");
  EXPECT_EQ(metadata.at("modality"), "pair");
  EXPECT_EQ(metadata.at("block_norm_eps"), "1e-05");
}

}  // namespace
}  // namespace tributary
