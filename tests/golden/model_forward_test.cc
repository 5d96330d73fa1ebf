// Names, shapes and forward passes of the three kinds of models.
#include <filesystem>
#include <set>

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

// The model of the golden numbers is the one that `config` describes, and made as ours are.
void ExpectSpecOf(const nlohmann::ordered_json& config, const GoldenModel& model) {
  ExpectKnownKeys(config, {"dim", "depth", "heads", "image_size", "patch", "max_tokens", "vocab",
                           "image_classes", "text_classes", "mlp_ratio", "block_norm_eps",
                           "final_norm_eps", "text_norm_eps", "pad_id"});
  const ModelSpec& spec = model.spec;
  EXPECT_EQ(spec.dim, config.at("dim"));
  EXPECT_EQ(spec.depth, config.at("depth"));
  if (model.modality != Modality::kText) {
    EXPECT_EQ(spec.image_size, config.at("image_size"));
    EXPECT_EQ(spec.patch, config.at("patch"));
  }
  if (model.modality != Modality::kImage) {
    EXPECT_EQ(spec.max_tokens, config.at("max_tokens"));
    EXPECT_EQ(spec.vocabulary_size, config.at("vocab"));
  }
  if (model.modality == Modality::kImage) {
    EXPECT_EQ(spec.classes, config.at("image_classes"));
  }
  if (model.modality == Modality::kText) {
    EXPECT_EQ(spec.classes, config.at("text_classes"));
  }
  EXPECT_EQ(config.at("block_norm_eps"), kBlockNormEps);
  EXPECT_EQ(config.at("final_norm_eps"), kFinalNormEps);
  EXPECT_EQ(config.at("text_norm_eps"), kTextNormEps);
  EXPECT_EQ(config.at("mlp_ratio"), 4) << "of our blocks";
  EXPECT_EQ(config.at("pad_id"), 0) << "the tokenizer's [PAD]";
}

TEST(GoldenModelForward, ComputesEveryKindOfModel) {
  const at::NoGradGuard no_gradients;
  std::set<Modality> modalities;
  for (const auto& entry : std::filesystem::directory_iterator(GoldenPath("model_forward"))) {
    std::string name = entry.path().filename();
    if (!absl::EndsWith(name, ".params.safetensors")) continue;
    name = std::string(absl::StripSuffix(name, ".params.safetensors"));
    GoldenModel kind;
    const auto model =
        LoadModel(absl::StrCat("model_forward/", name, ".params.safetensors"), &kind);
    ASSERT_NE(model, nullptr);
    modalities.insert(kind.modality);
    ExpectSpecOf(GoldenJson("model_forward/config.json"), kind);
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
  EXPECT_EQ(modalities.size(), 3U) << "a kind of model is missing";
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
  EXPECT_GT(cases, 0);
}

}  // namespace
}  // namespace tributary
