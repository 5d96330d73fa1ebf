// Other projects' names, one test for each way in which they differ from timm's.
#include <array>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/file.h"
#include "common/model/pretrained.h"
#include "common/tensor/safetensors.h"
#include "tests/scratch_folder.h"
#include "tests/unit/common/model/tiny_model.h"
#include "tests/unit/common/model/tiny_vit.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Renaming = std::vector<std::pair<std::string, std::string>>;

class PretrainedNamesTest : public testing::Test {
 protected:
  PretrainedNamesTest() {
    // Each value of the file differs from all others, so that none is taken for another.
    const StateDict filled = TimmVit(spec_, 0);
    float next = 0;
    for (const StateDict::Entry& entry : filled) {
      Tensor tensor = entry.tensor;
      for (float& value : tensor.values) value = (next += 1) / 1024;
      EXPECT_TRUE(vit_.Add(entry.name, std::move(tensor)).ok());
    }
  }

  // The ViT with other names.
  static StateDict Renamed(const StateDict& from, const Renaming& names) {
    StateDict file;
    for (const StateDict::Entry& entry : from) {
      const std::string name = absl::StrReplaceAll(entry.name, names);
      EXPECT_TRUE(file.Add(name, entry.tensor).ok()) << name;
    }
    return file;
  }
  // Without tensors whose names hold `part`.
  static StateDict Without(const StateDict& from, const std::string& part) {
    StateDict file;
    for (const StateDict::Entry& entry : from) {
      if (absl::StrContains(entry.name, part)) continue;
      EXPECT_TRUE(file.Add(entry.name, entry.tensor).ok());
    }
    return file;
  }
  static StateDict With(const StateDict& from, const std::string& name, Tensor tensor) {
    StateDict file = from;
    EXPECT_TRUE(file.Add(name, std::move(tensor)).ok());
    return file;
  }
  // attn.qkv as three tensors each, under the names that `to` gives query, key and value.
  StateDict Apart(const StateDict& from, const std::string& qkv,
                  const std::array<std::string, 3>& to) const {
    StateDict file;
    for (const StateDict::Entry& entry : from) {
      if (!absl::StrContains(entry.name, qkv)) {
        EXPECT_TRUE(file.Add(entry.name, entry.tensor).ok());
        continue;
      }
      for (size_t i = 0; i < to.size(); ++i) {
        Shape shape = entry.tensor.shape;
        shape[0] /= 3;
        Tensor third = Tensor::Zeros(shape);
        const auto size = static_cast<int64_t>(third.values.size());
        std::copy_n(entry.tensor.values.begin() + static_cast<int64_t>(i) * size, size,
                    third.values.begin());
        const std::string name = absl::StrReplaceAll(entry.name, {{qkv, to[i]}});
        EXPECT_TRUE(file.Add(name, std::move(third)).ok());
      }
    }
    return file;
  }

  absl::StatusOr<PretrainedReport> Take(const StateDict& file) {
    EXPECT_TRUE(WriteSafetensors(path_, file).ok());
    return TakeImageWeights(path_, spec_, &state_);
  }
  // Expects that the model holds the timm ViT's very values.
  void ExpectTaken(const StateDict& file) {
    const auto report = Take(file);
    ASSERT_TRUE(report.ok()) << report.status();
    StateDict plain = TinyState(spec_, Modality::kImage);
    ASSERT_TRUE(WriteSafetensors(scratch_ / "timm.safetensors", vit_).ok());
    ASSERT_TRUE(TakeImageWeights(scratch_ / "timm.safetensors", spec_, &plain).ok());
    for (const StateDict::Entry& entry : plain) {
      EXPECT_EQ(state_.Find(entry.name)->values, entry.tensor.values) << entry.name;
    }
  }
  void ExpectRefused(const StateDict& file, const std::vector<std::string>& said) {
    const StateDict before = state_;
    const absl::Status status = Take(file).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    for (const std::string& text : said) {
      EXPECT_THAT(std::string(status.message()), HasSubstr(text));
    }
    for (const StateDict::Entry& entry : before) {
      EXPECT_EQ(state_.Find(entry.name)->values, entry.tensor.values) << entry.name;
    }
  }
  void WriteConfig(const std::string& json) {
    EXPECT_TRUE(WriteFileAtomically(scratch_ / "config.json", json).ok());
  }

  const ScratchFolder scratch_;
  const std::string path_ = scratch_ / "weights.safetensors";
  const ModelSpec spec_ = TinySpec();
  StateDict state_ = TinyState(spec_, Modality::kImage);
  StateDict vit_;
};

const Renaming kHuggingFace = {{"cls_token", "embeddings.cls_token"},
                               {"pos_embed", "embeddings.position_embeddings"},
                               {"patch_embed.proj", "embeddings.patch_embeddings.projection"},
                               {"blocks.", "encoder.layer."},
                               {"norm1", "layernorm_before"},
                               {"norm2", "layernorm_after"},
                               {"attn.proj", "attention.output.dense"},
                               {"mlp.fc1", "intermediate.dense"},
                               {"mlp.fc2", "output.dense"},
                               {"norm.", "layernorm."},
                               {"head", "classifier"}};

TEST_F(PretrainedNamesTest, PrefixesOfWhateverHoldsTheModelAreSeenThrough) {
  for (const std::string prefix :
       {"module.", "model.", "vit.", "backbone.", "visual.trunk.", "module.encoder.vit."}) {
    StateDict file;
    for (const StateDict::Entry& entry : vit_) {
      EXPECT_TRUE(file.Add(prefix + entry.name, entry.tensor).ok());
    }
    EXPECT_TRUE(file.Add("text.token_embedding.weight", Tensor::Zeros({3, 8})).ok());
    ExpectTaken(file);
  }
}

TEST_F(PretrainedNamesTest, HuggingFacesNamesBeforeVersionFive) {
  const StateDict apart =
      Apart(vit_, "attn.qkv",
            {"attention.attention.query", "attention.attention.key", "attention.attention.value"});
  StateDict file;
  for (const StateDict::Entry& entry : Renamed(apart, kHuggingFace)) {
    const bool head = absl::StartsWith(entry.name, "classifier");
    EXPECT_TRUE(file.Add((head ? "" : "vit.") + entry.name, entry.tensor).ok());
  }
  ExpectTaken(file);
}

TEST_F(PretrainedNamesTest, HuggingFacesNamesSinceVersionFive) {
  const StateDict apart =
      Apart(vit_, "attn.qkv", {"attention.q_proj", "attention.k_proj", "attention.v_proj"});
  ExpectTaken(Renamed(apart, {{"cls_token", "embeddings.cls_token"},
                              {"pos_embed", "embeddings.position_embeddings"},
                              {"patch_embed.proj", "embeddings.patch_embeddings.projection"},
                              {"blocks.", "layers."},
                              {"attn.proj", "attention.o_proj"},
                              {"norm.", "layernorm."}}));
}

TEST_F(PretrainedNamesTest, ClipsNamesWhereItsConfigSaysGelu) {
  const StateDict apart =
      Apart(vit_, "attn.qkv", {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"});
  const StateDict file = Renamed(apart, {{"cls_token", "embeddings.class_embedding"},
                                         {"pos_embed", "embeddings.position_embedding.weight"},
                                         {"patch_embed.proj", "embeddings.patch_embedding"},
                                         {"blocks.", "encoder.layers."},
                                         {"norm1", "layer_norm1"},
                                         {"norm2", "layer_norm2"},
                                         {"attn.proj", "self_attn.out_proj"},
                                         {"norm.", "post_layernorm."}});
  ExpectRefused(file, {"quick_gelu", "config.json"});
  WriteConfig(R"({"vision_config": {"hidden_act": "gelu", "layer_norm_eps": 1e-5}})");
  ExpectTaken(file);
  ExpectRefused(With(file, "pre_layrnorm.weight", Tensor::Zeros({8})),
                {"a norm before the first block (pre_layrnorm.weight)"});
}

TEST_F(PretrainedNamesTest, OpenClipsAndTorchvisionsNames) {
  WriteConfig(R"({"hidden_act": "gelu"})");
  const Renaming open_clip = {{"cls_token", "class_embedding"},
                              {"pos_embed", "positional_embedding"},
                              {"patch_embed.proj", "conv1"},
                              {"blocks.", "transformer.resblocks."},
                              {"norm1", "ln_1"},
                              {"norm2", "ln_2"},
                              {"attn.qkv.", "attn.in_proj_"},
                              {"attn.proj", "attn.out_proj"},
                              {"mlp.fc1", "mlp.c_fc"},
                              {"mlp.fc2", "mlp.c_proj"},
                              {"norm.", "ln_post."}};
  ExpectTaken(Renamed(vit_, open_clip));
  ExpectTaken(Renamed(vit_, {{"cls_token", "class_token"},
                             {"pos_embed", "encoder.pos_embedding"},
                             {"patch_embed.proj", "conv_proj"},
                             {"blocks.", "encoder.layers.encoder_layer_"},
                             {"norm1", "ln_1"},
                             {"norm2", "ln_2"},
                             {"attn.qkv.", "self_attention.in_proj_"},
                             {"attn.proj", "self_attention.out_proj"},
                             {"mlp.fc1", "mlp.0"},
                             {"mlp.fc2", "mlp.3"},
                             {"norm.", "encoder.ln."}}));
}

TEST_F(PretrainedNamesTest, OurOwnNames) {
  const StateDict other = TinyState(spec_, Modality::kImage, /*seed=*/9);
  const auto report = Take(other);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(state_.Find("blockses.0.1.mlp.fc2.weight")->values,
            other.Find("blockses.0.1.mlp.fc2.weight")->values);
}

TEST_F(PretrainedNamesTest, LayerScaleIsFoldedIntoTheLayersBefore) {
  for (const bool hugging_face : {false, true}) {
    StateDict file = vit_;
    for (int64_t layer = 0; layer < spec_.depth; ++layer) {
      const std::string block = absl::StrCat("blocks.", layer, ".");
      Tensor rising = Tensor::Zeros({spec_.dim});
      std::iota(rising.values.begin(), rising.values.end(), 1.0F);
      file = With(file, block + "ls1.gamma", Filled({spec_.dim}, 0.5F));
      file = With(file, block + "ls2.gamma", std::move(rising));
    }
    if (hugging_face) {
      Renaming names = kHuggingFace;
      names.emplace_back("ls1.gamma", "layer_scale1.lambda1");
      names.emplace_back("ls2.gamma", "layer_scale2.lambda1");
      file = Renamed(
          Apart(file, "attn.qkv", {"attention.q_proj", "attention.k_proj", "attention.v_proj"}),
          names);
    }
    const auto report = Take(file);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_THAT(report->skipped, Not(Contains(HasSubstr("gamma"))));
    const auto expect_scaled = [&](const std::string& name, auto factor) {
      const Tensor& whole = *vit_.Find("blocks.1." + name);
      const Tensor& taken = *state_.Find("blockses.0.1." + name);
      const size_t columns = whole.values.size() / static_cast<size_t>(spec_.dim);
      for (size_t i = 0; i < whole.values.size(); ++i) {
        ASSERT_EQ(taken.values[i], whole.values[i] * factor(i / columns)) << name << " " << i;
      }
    };
    const auto half = [](size_t) { return 0.5F; };
    const auto rising = [](size_t row) { return static_cast<float>(row + 1); };
    expect_scaled("attn.proj.weight", half);
    expect_scaled("attn.proj.bias", half);
    expect_scaled("mlp.fc2.weight", rising);
    expect_scaled("mlp.fc2.bias", rising);
  }
}

TEST_F(PretrainedNamesTest, ALayerScaleOfAnotherWidthIsRefused) {
  ExpectRefused(With(vit_, "blocks.0.ls1.gamma", Filled({spec_.dim + 1}, 1)), {"ls1.gamma", "[9]"});
}

TEST_F(PretrainedNamesTest, ANormBehindTheMeanOfPatchesIsTheLastNorm) {
  const StateDict file = Renamed(vit_, {{"norm.", "fc_norm."}});
  ExpectTaken(file);
  EXPECT_THAT(Take(file)->notes, Contains(HasSubstr("averages the patches")));
}

TEST_F(PretrainedNamesTest, ABiasThatTheFilesModelDoesNotHaveIsZero) {
  const auto report = Take(Without(vit_, "qkv.bias"));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(state_.Find("blockses.0.1.attn.qkv.bias")->values, Each(0));
  EXPECT_THAT(report->notes, Contains(HasSubstr("2 biases are 0")));
  // BEiT has those of queries and values.
  StateDict file = Without(vit_, "qkv.bias");
  for (const std::string block : {"blocks.0.attn.", "blocks.1.attn."}) {
    file = With(file, block + "q_bias", Filled({spec_.dim}, 1));
    file = With(file, block + "v_bias", Filled({spec_.dim}, 2));
  }
  ASSERT_TRUE(Take(file).ok());
  const std::vector<float>& bias = state_.Find("blockses.0.1.attn.qkv.bias")->values;
  EXPECT_EQ(bias.front(), 1);
  EXPECT_EQ(bias[static_cast<size_t>(spec_.dim)], 0);
  EXPECT_EQ(bias.back(), 2);
}

TEST_F(PretrainedNamesTest, TokensBesideTheClassTokenAreLeftOutWithANote) {
  for (const std::string name : {"reg_token", "dist_token"}) {
    const StateDict file = With(vit_, name, Filled({1, 1, spec_.dim}, 5));
    ExpectTaken(file);
    EXPECT_THAT(Take(file)->notes, Contains(HasSubstr(name)));
  }
  // DeiT has a position for its second token.
  StateDict file = Without(vit_, "pos_embed");
  Tensor positions = *vit_.Find("pos_embed");
  const int64_t dim = spec_.dim;
  positions.values.insert(positions.values.begin() + dim, static_cast<size_t>(dim), 77.0F);
  positions.shape[1] += 1;
  file = With(With(file, "dist_token", Filled({1, 1, dim}, 5)), "pos_embed", positions);
  ExpectTaken(file);
}

TEST_F(PretrainedNamesTest, PositionsOfPatchesAloneLeaveTheClassTokenWithout) {
  Tensor positions = *vit_.Find("pos_embed");
  const Tensor whole = positions;
  positions.values.erase(positions.values.begin(), positions.values.begin() + spec_.dim);
  positions.shape[1] -= 1;
  const StateDict file = With(Without(vit_, "pos_embed"), "pos_embed", positions);
  auto report = Take(file);
  ASSERT_TRUE(report.ok()) << report.status();
  std::vector<float> expected(static_cast<size_t>(spec_.dim), 0);
  expected.insert(expected.end(), positions.values.begin(), positions.values.end());
  EXPECT_EQ(state_.Find("embeddings.0.pos_embed")->values, expected);
  EXPECT_THAT(report->notes, Not(Contains(HasSubstr("class token"))));

  report = Take(Without(file, "cls_token"));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(state_.Find("embeddings.0.cls_token")->values, Each(0));
  EXPECT_THAT(report->notes, Contains(HasSubstr("no class token")));
}

TEST_F(PretrainedNamesTest, WhatTheModelCannotComputeRefusesTheFileByName) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"blocks.1.attn.q_norm.weight", "a norm of queries and keys"},
      {"norm_pre.weight", "a norm before the first block"},
      {"rope.periods", "rotary positions"},
      {"blocks.0.attn.relative_position_bias_table", "relative positions"},
      {"blocks.0.mlp.w12.weight", "a gated MLP"},
      {"blocks.0.adapter.down.weight", "parts of blocks that are not known"},
      {"blocks.0.norm1.running_mean", "parts that the run's model has not"}};
  for (const auto& [name, what] : cases) {
    ExpectRefused(With(vit_, name, Tensor::Zeros({4})), {path_, what, name});
  }
  StateDict many = vit_;
  for (const std::string name : {"k_norm.weight", "k_norm.bias", "q_norm.weight", "q_norm.bias"}) {
    many = With(many, "blocks.0.attn." + name, Tensor::Zeros({4}));
  }
  ExpectRefused(many, {"q_norm.weight and 1 more"});
}

TEST_F(PretrainedNamesTest, MlpsOfAnotherWidthAreRefused) {
  StateDict file = Without(vit_, "blocks.1.mlp.fc2.weight");
  file = With(file, "blocks.1.mlp.fc2.weight", Tensor::Zeros({spec_.dim, 2 * spec_.dim}));
  ExpectRefused(file, {"blocks.1.mlp.fc2.weight", "[8, 16]", "gated"});
}

TEST_F(PretrainedNamesTest, AFileThatIsNotWholeIsRefused) {
  ExpectRefused(Without(vit_, "blocks.1.mlp.fc2"), {"nothing for blockses.0.1.mlp.fc2.weight"});
  ExpectRefused(Without(vit_, "pos_embed"), {"embeddings.0.pos_embed", "rotary"});
  StateDict part = Apart(vit_, "attn.qkv", {"attn.q", "attn.k", "attn.v"});
  ExpectRefused(part, {"attn.q.weight", "attn.k.weight"});
  StateDict dinov3;
  EXPECT_TRUE(dinov3.Add("embeddings.patch_embeddings.weight", Tensor::Zeros({8, 3, 4, 4})).ok());
  EXPECT_TRUE(dinov3.Add("norm.weight", Tensor::Zeros({8})).ok());
  ExpectRefused(dinov3, {"DINOv3", "rotary"});
}

TEST_F(PretrainedNamesTest, AFileOfWhichMostWouldBeLeftOutIsRefused) {
  ModelSpec deep = spec_;
  deep.depth = 5;
  ExpectRefused(TimmVit(deep, 1), {"has 5 blocks", "model.depth", "blocks.2.attn.proj.bias"});
  ModelSpec here = spec_;
  here.depth = 5;
  state_ = TinyState(here, Modality::kImage);
  ASSERT_TRUE(WriteSafetensors(path_, vit_).ok());
  EXPECT_THAT(std::string(TakeImageWeights(path_, here, &state_).status().message()),
              AllOf(HasSubstr("stay as drawn"), HasSubstr("blockses.0.2")));
  here.depth = 3;
  state_ = TinyState(here, Modality::kImage);
  const auto report = TakeImageWeights(path_, here, &state_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->notes, Contains(HasSubstr("blocks 2 to 2 stay as drawn")));
}

TEST_F(PretrainedNamesTest, TwoModelsInOneFileAreRefused) {
  StateDict file = vit_;
  for (const StateDict::Entry& entry : vit_) {
    EXPECT_TRUE(file.Add("teacher." + entry.name, entry.tensor).ok());
  }
  ExpectRefused(file, {"2 models", "\"teacher.\""});
}

TEST_F(PretrainedNamesTest, TheConfigBesideTheFileIsHeeded) {
  WriteConfig(R"({"hidden_act": "gelu_new", "num_attention_heads": 2})");
  ExpectRefused(vit_, {"gelu_new", "config.json"});
  WriteConfig(R"({"architecture": "vit_base_patch16_clip_quickgelu_224"})");
  ExpectRefused(vit_, {"quick_gelu"});
  WriteConfig(R"({"architecture": "eva02_tiny_patch14_224"})");
  ExpectRefused(vit_, {"rotary positions", "config.json"});
  WriteConfig(R"({"hidden_act": "gelu", "num_attention_heads": 4})");
  ExpectRefused(vit_, {"4 attention heads", "model.heads = 4"});
  WriteConfig(R"({"model_args": {"num_heads": 8}})");
  ExpectRefused(vit_, {"8 attention heads"});
  WriteConfig(R"({"hidden_act": "gelu", "num_attention_heads": 2, "layer_norm_eps": 1e-12})");
  const auto report = Take(vit_);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->notes, Contains(AllOf(HasSubstr("eps 1e-05"), HasSubstr("1e-12"))));
  WriteConfig("[1, 2");
  EXPECT_EQ(Take(vit_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(PretrainedNamesTest, TheEpsOfNormsIsToldWhereItDiffers) {
  EXPECT_THAT(Take(vit_)->notes, Contains(AllOf(HasSubstr("blocks'"), HasSubstr("has 1e-06"))));
  ASSERT_TRUE(
      WriteSafetensors(path_, vit_,
                       {{"block_norm_eps", "1e-05"}, {"final_norm_eps", "1e-06"}, {"heads", "2"}})
          .ok());
  EXPECT_THAT(TakeImageWeights(path_, spec_, &state_)->notes, IsEmpty());
}

}  // namespace
}  // namespace tributary
