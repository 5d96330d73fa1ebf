// Names, shapes and forward passes of the three kinds of models.
#include <filesystem>

#include <ATen/core/grad_mode.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/model/transformer.h"
#include "tests/golden/golden_model.h"

namespace tributary {
namespace {

constexpr double kTolerance = 1e-5;

std::unique_ptr<Transformer> LoadModel(const std::string& file, GoldenModel* model) {
  const StateDict state = GoldenState(file);
  *model = ModelOfState(state, GoldenHeads());
  auto transformer = Transformer::Create(model->spec, model->modality, state, c10::kCPU);
  EXPECT_TRUE(transformer.ok()) << transformer.status();
  return transformer.ok() ? *std::move(transformer) : nullptr;
}

TEST(GoldenModelForward, ListsEveryNameAndShapeInOrder) {
  std::ifstream file(GoldenPath("model_forward/shapes.json"));
  const nlohmann::ordered_json models = nlohmann::ordered_json::parse(file);
  ASSERT_FALSE(models.empty());
  for (const auto& [name, listed] : models.items()) {
    Shapes shapes;
    Manifest expected;
    for (const auto& [tensor, shape] : listed.items()) {
      shapes[tensor] = shape.get<Shape>();
      expected.tensors.push_back({tensor, shape.get<Shape>()});
    }
    GoldenModel model = ModelOfShapes(shapes, 1);
    // A pair model has no complementary layers, even if they are asked for.
    if (model.modality == Modality::kPair) model.spec.complementary = ComplementaryLayers::kAll;
    const auto manifest = ModelManifest(model.spec, model.modality, TensorScope::kTraining);
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    EXPECT_TRUE(CheckSameManifest(*manifest, expected).ok())
        << name << ": " << CheckSameManifest(*manifest, expected);
  }
}

TEST(GoldenModelForward, ComputesEveryKindOfModel) {
  const at::NoGradGuard no_gradients;
  int cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(GoldenPath("model_forward"))) {
    std::string name = entry.path().filename();
    if (!absl::EndsWith(name, ".params.safetensors")) continue;
    ++cases;
    name = std::string(absl::StripSuffix(name, ".params.safetensors"));
    GoldenModel kind;
    const auto model =
        LoadModel(absl::StrCat("model_forward/", name, ".params.safetensors"), &kind);
    ASSERT_NE(model, nullptr);
    auto io = GoldenTensors(absl::StrCat("model_forward/", name, ".io.safetensors"));
    const auto check = [&](const std::string& output, const at::Tensor& ours) {
      ASSERT_TRUE(io.contains(output)) << name;
      ExpectNear(name + " " + output, Values(ours), Values(io[output]), kTolerance);
    };
    if (kind.modality == Modality::kPair) {
      check("image_embedding", Transformer::Normalised(model->ImageToken(io["image"])));
      check("text_embedding", Transformer::Normalised(model->TextToken(io["tokens"])));
      continue;
    }
    const at::Tensor token = kind.modality == Modality::kImage ? model->ImageToken(io["image"])
                                                               : model->TextToken(io["tokens"]);
    check("logits", model->Logits(token));
    check("feature", Transformer::Normalised(token));
  }
  EXPECT_GE(cases, 3);
}

TEST(GoldenEdges, PaddingAndGrayImagesCountAsInTheRelease) {
  const at::NoGradGuard no_gradients;
  GoldenModel kind;
  const auto model = LoadModel("edges/pair.params.safetensors", &kind);
  ASSERT_NE(model, nullptr);
  auto io = GoldenTensors("edges/pair.io.safetensors");
  int cases = 0;
  for (const auto& [name, input] : io) {
    if (absl::EndsWith(name, "_embedding")) continue;  // an output
    const size_t dot = name.rfind('.');
    const std::string id = name.substr(0, dot), part = name.substr(dot + 1);
    ASSERT_TRUE(part == "image" || part == "tokens") << "unknown input " << name;
    const at::Tensor token = part == "image" ? model->ImageToken(input) : model->TextToken(input);
    const std::string output = id + (part == "image" ? ".image_embedding" : ".text_embedding");
    ASSERT_TRUE(io.contains(output)) << output;
    ExpectNear(output, Values(Transformer::Normalised(token)), Values(io[output]), kTolerance);
    ++cases;
  }
  EXPECT_GE(cases, 5);
}

}  // namespace
}  // namespace tributary
