#include "common/model/transformer.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/model/torch_state.h"
#include "tests/unit/common/model/tiny_samples.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<Transformer> Build(const ModelSpec& spec, Modality modality, const StateDict& state,
                                   std::vector<int64_t> rows = {}) {
  auto model = Transformer::Create(spec, modality, state, c10::kCPU, std::move(rows));
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

bool Same(const at::Tensor& a, const at::Tensor& b) { return a.equal(b); }

StateDict Without(const StateDict& state, const std::string& left_out) {
  StateDict rest;
  for (const auto& [name, tensor] : state) {
    if (name == left_out) continue;
    EXPECT_TRUE(rest.Add(name, tensor).ok());
  }
  return rest;
}

TEST(TransformerTest, NamesTheTensorThatIsMissing) {
  const StateDict state = Without(TinyState(TinySpec(), Modality::kText), "norm.bias");
  const auto model = Transformer::Create(TinySpec(), Modality::kText, state, c10::kCPU);
  EXPECT_EQ(model.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("norm.bias is missing"));
}

TEST(TransformerTest, NamesTheTensorOfAnotherShape) {
  StateDict state = TinyState(TinySpec(), Modality::kImage);
  *state.Find("heads.0.head.bias") = Tensor::Zeros({7});
  const auto model = Transformer::Create(TinySpec(), Modality::kImage, state, c10::kCPU);
  EXPECT_EQ(model.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("heads.0.head.bias has shape [7]"));
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("[3]"));
}

TEST(TransformerTest, RefusesADownloadWithoutAuxiliaryWeights) {
  const ModelSpec spec = TinySpec(ComplementaryLayers::kAttn);
  const auto model =
      Transformer::Create(spec, Modality::kImage, TinyState(spec, Modality::kImage), c10::kCPU);
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("aux_weight is missing"));
}

TEST(TransformerTest, WithClosedGatesAuxiliaryWeightsDoNotCount) {
  const at::NoGradGuard no_gradients;
  const ModelSpec spec = TinySpec(ComplementaryLayers::kAll);
  const StateDict plain = TinyState(spec, Modality::kImage);
  const auto with = Build(spec, Modality::kImage, WithAuxiliary(spec, Modality::kImage, plain));
  const auto without = Build(TinySpec(), Modality::kImage, plain);
  const at::Tensor images = TinyImages(4);
  EXPECT_TRUE(at::allclose(with->ImageToken(images), without->ImageToken(images), 0, 1e-6));
}

TEST(TransformerTest, MergesOpenGatesIntoTheUpload) {
  const ModelSpec spec = TinySpec(ComplementaryLayers::kMlp);
  StateDict state = WithAuxiliary(spec, Modality::kText, TinyState(spec, Modality::kText));
  const std::string layer = "blockses.1.1.mlp.fc1";
  ASSERT_TRUE(state.Add(layer + ".cross_modal_scale", {.shape = {1}, .values = {0.5F}}).ok());
  const StateDict upload = Build(spec, Modality::kText, state)->Merged();
  EXPECT_EQ(Manifest::Of(upload), *ModelManifest(spec, Modality::kText, TensorScope::kPlain));
  const auto& weight = state.Find(layer + ".weight")->values;
  const auto& auxiliary = state.Find(layer + ".aux_weight")->values;
  const auto& merged = upload.Find(layer + ".weight")->values;
  for (size_t i = 0; i < merged.size(); ++i) {
    ASSERT_FLOAT_EQ(merged[i], weight[i] + 0.5F * auxiliary[i]);
  }
  EXPECT_EQ(upload.Find("blockses.1.0.mlp.fc1.weight")->values,
            state.Find("blockses.1.0.mlp.fc1.weight")->values);
}

TEST(TransformerTest, AShortenedWordTableComputesTheSameAndUploadsTheWhole) {
  const ModelSpec spec = TinySpec();
  const StateDict state = TinyState(spec, Modality::kText);
  const auto whole = Build(spec, Modality::kText, state);
  const auto brief = Build(spec, Modality::kText, state, {0, 4, 9, 17});
  const at::Tensor tokens = TinyTokens(2), places = TinyTokens(2);
  const std::vector<int64_t> ids = {4, 17, 0, 9, 0, 9, 4, 4, 17, 17};
  const std::vector<int64_t> row_of = {1, 3, 0, 2, 0, 2, 1, 1, 3, 3};
  std::copy(ids.begin(), ids.end(), tokens.mutable_data_ptr<int64_t>());
  std::copy(row_of.begin(), row_of.end(), places.mutable_data_ptr<int64_t>());
  const at::NoGradGuard no_gradients;
  EXPECT_TRUE(Same(whole->TextToken(tokens), brief->TextToken(places)));
  const std::string table = "embeddings.1.text_embeddings.word_embeddings.weight";
  EXPECT_EQ(brief->Merged().Find(table)->values, state.Find(table)->values);
}

TEST(TransformerTest, ThePaddingRowGetsNoGradient) {
  const auto model = Build(TinySpec(), Modality::kText, TinyState(TinySpec(), Modality::kText));
  model->TextToken(TinyTokens(3)).select(1, 0).sum().backward();
  for (const auto& [name, tensor] : model->parameters()) {
    if (name.find("word_embeddings") == std::string::npos) continue;
    EXPECT_EQ(tensor.grad().select(0, 0).abs().sum().item<float>(), 0);
    EXPECT_GT(tensor.grad().select(0, 3).abs().sum().item<float>(), 0);
  }
}

TEST(TransformerTest, RepeatsOneChannelToThree) {
  const at::NoGradGuard no_gradients;
  const auto model = Build(TinySpec(), Modality::kImage, TinyState(TinySpec(), Modality::kImage));
  const at::Tensor gray = TinyImages(2).narrow(1, 0, 1);
  EXPECT_TRUE(Same(model->ImageToken(gray), model->ImageToken(gray.expand({2, 3, 8, 8}))));
}

TEST(TransformerTest, StochasticDepthDropsWholeSamplesInTrainingOnly) {
  const at::NoGradGuard no_gradients;
  ModelSpec spec = TinySpec();
  spec.drop_path = 0.5;
  const auto model = Build(spec, Modality::kImage, TinyState(spec, Modality::kImage));
  const at::Tensor same = at::ones({64, 3, 8, 8});
  const at::Tensor evaluated = model->ImageToken(same);
  for (int64_t i = 1; i < 64; ++i) EXPECT_TRUE(Same(evaluated[i], evaluated[0]));
  RandomStream stream(1, "drop_path");
  model->SetTraining(&stream);
  const at::Tensor trained = model->ImageToken(same);
  RandomStream again(1, "drop_path");
  model->SetTraining(&again);
  EXPECT_TRUE(Same(trained, model->ImageToken(same)));
  int64_t different = 0;
  for (int64_t i = 1; i < 64; ++i) different += Same(trained[i], trained[0]) ? 0 : 1;
  // The last of two layers drops each of its two branches of half of the samples: four outcomes.
  EXPECT_GT(different, 24);
  EXPECT_LT(different, 63);
  model->SetTraining(nullptr);
  EXPECT_TRUE(Same(model->ImageToken(same), evaluated));
}

TEST(TransformerTest, FrozenAuxiliaryWeightsAreNotTrained) {
  const ModelSpec spec = TinySpec(ComplementaryLayers::kAll);
  const auto model =
      Build(spec, Modality::kImage,
            WithAuxiliary(spec, Modality::kImage, TinyState(spec, Modality::kImage)));
  const size_t layers = 4 * static_cast<size_t>(spec.depth);
  EXPECT_EQ(model->Trained(true).size(), model->parameters().size());
  EXPECT_EQ(model->Trained(false).size(), model->parameters().size() - layers);
}

TEST(TorchStateTest, CopiesThereAndBack) {
  Tensor tensor{.shape = {2, 3}, .values = {1, 2, 3, 4, 5, 6}};
  const at::Tensor torch = ToTorch(tensor, c10::kCPU);
  tensor.values[0] = 9;
  EXPECT_EQ(torch[0][0].item<float>(), 1) << "a copy of its own";
  const Tensor back = FromTorch(torch.t());
  EXPECT_EQ(back.shape, (Shape{3, 2}));
  EXPECT_EQ(back.values, (std::vector<float>{1, 4, 2, 5, 3, 6}));
}

}  // namespace
}  // namespace tributary
