#include "common/model/model_file.h"

#include <string>
#include <vector>

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

TEST(ModelFileTest, TransformersNamesHaveQueryKeyAndValueApart) {
  const StateDict global = TinyState(TinySpec(), Modality::kImage);
  const auto renamed = InTransformersNames(global);
  ASSERT_TRUE(renamed.ok()) << renamed.status();
  for (const char* name :
       {"vit.embeddings.cls_token", "vit.embeddings.position_embeddings",
        "vit.embeddings.patch_embeddings.projection.weight",
        "vit.encoder.layer.1.layernorm_before.weight", "vit.encoder.layer.1.layernorm_after.bias",
        "vit.encoder.layer.1.attention.output.dense.weight",
        "vit.encoder.layer.1.intermediate.dense.bias", "vit.encoder.layer.1.output.dense.weight",
        "vit.layernorm.weight", "classifier.weight"}) {
    EXPECT_NE(renamed->Find(name), nullptr) << name;
  }
  const Tensor& stacked = *global.Find("blockses.0.1.attn.qkv.weight");
  std::vector<float> joined;
  for (const char* part : {"query", "key", "value"}) {
    const Tensor* tensor =
        renamed->Find(std::string("vit.encoder.layer.1.attention.attention.") + part + ".weight");
    ASSERT_NE(tensor, nullptr) << part;
    EXPECT_EQ(tensor->shape, (Shape{8, 8}));
    joined.insert(joined.end(), tensor->values.begin(), tensor->values.end());
  }
  EXPECT_EQ(joined, stacked.values);
  const auto pair = InTransformersNames(TinyState(TinySpec(), Modality::kPair));
  ASSERT_TRUE(pair.ok()) << pair.status();
  EXPECT_NE(pair->Find("embeddings.cls_token"), nullptr) << "a ViTModel by itself";
}

TEST(ModelFileTest, MetadataIsReadBackAsItWasWritten) {
  FileMetadata metadata = ModelMetadata(TinySpec(), Modality::kImage);
  AddDataMetadata({.class_names = {"a \"b\"", "c"}, .mean = {0.5F}, .deviation = {0.25F}},
                  &metadata);
  const auto spec = SpecOfMetadata(metadata);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->dim, TinySpec().dim);
  EXPECT_EQ(spec->image_size, TinySpec().image_size);
  EXPECT_EQ(spec->classes, TinySpec().classes);
  const auto data = DataOfMetadata(metadata);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->class_names, (std::vector<std::string>{"a \"b\"", "c"}));
  EXPECT_EQ(data->deviation, std::vector<float>{0.25F});
}

TEST(ModelFileTest, MetadataThatCannotBeReadIsNamed) {
  FileMetadata metadata = ModelMetadata(TinySpec(), Modality::kImage);
  for (const char* bad : {"", "many", "-1"}) {
    metadata["heads"] = bad;
    EXPECT_NE(SpecOfMetadata(metadata).status().message().find("heads"), std::string::npos) << bad;
  }
  metadata.erase("heads");
  EXPECT_NE(SpecOfMetadata(metadata).status().message().find("has no heads"), std::string::npos);
  for (const char* bad : {"[1", "{}", "[\"x\"]"}) {
    EXPECT_FALSE(DataOfMetadata({{"mean", bad}}).ok()) << bad;
  }
  EXPECT_FALSE(DataOfMetadata({{"class_names", "[1]"}}).ok());
}

}  // namespace
}  // namespace tributary
