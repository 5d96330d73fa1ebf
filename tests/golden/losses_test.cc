// Contrastive loss and FedProx's term, with their gradients.
#include "common/train/losses.h"

#include <algorithm>
#include <cmath>

#include <ATen/ops/full.h>

#include "absl/strings/str_cat.h"
#include "tests/golden/golden_model.h"

namespace tributary {
namespace {

constexpr double kTolerance = 1e-5;

at::Tensor Leaf(const at::Tensor& tensor) { return tensor.clone().set_requires_grad(true); }

TEST(GoldenContrastiveLoss, ValueAndGradients) {
  const nlohmann::ordered_json cases = GoldenJson("contrastive_loss/cases.json");
  ASSERT_FALSE(cases.empty());
  for (const nlohmann::ordered_json& golden : cases) {
    ExpectKnownKeys(golden, {"file", "logit_scale_before_clamp", "logit_scale_after_clamp"});
    const std::string file = golden.at("file");
    auto io = GoldenTensors("contrastive_loss/" + file);
    const at::Tensor image = Leaf(io["image_embedding"]), text = Leaf(io["text_embedding"]);
    const double before = golden.at("logit_scale_before_clamp");
    EXPECT_NEAR(std::clamp(before, 0.0, std::log(100.0)),
                golden.at("logit_scale_after_clamp").get<double>(), 1e-6)
        << "another clamp than ours";
    const at::Tensor scale = Leaf(at::full({}, before));
    const at::Tensor loss = ContrastiveLoss(image, text, scale);
    loss.backward();
    ExpectNear(file + " loss", Values(loss), Values(io["loss"]), kTolerance);
    ExpectNear(file + " image", Values(image.grad()), Values(io["grad_image"]), kTolerance);
    ExpectNear(file + " text", Values(text.grad()), Values(io["grad_text"]), kTolerance);
    ExpectNear(file + " scale", Values(scale.grad()), Values(io["grad_logit_scale"]), kTolerance);
  }
}

TEST(GoldenFedProx, BothRulesWithGradients) {
  const nlohmann::ordered_json golden = GoldenJson("fedprox/case.json");
  ExpectKnownKeys(golden, {"mu"});
  auto io = GoldenTensors("fedprox/io.safetensors");
  for (const auto& [name, rule] :
       {std::pair{"paper", ProximalRule::kPaper}, std::pair{"release", ProximalRule::kRelease}}) {
    std::vector<std::string> names;
    std::vector<at::Tensor> local, global;
    for (const auto& [key, tensor] : io) {
      if (!absl::StartsWith(key, "local.")) continue;
      names.push_back(key.substr(6));
      local.push_back(Leaf(tensor));
      global.push_back(io.at("global." + names.back()));
    }
    ASSERT_FALSE(names.empty());
    const at::Tensor value = ProximalTerm(local, global, golden.at("mu"), rule);
    value.backward();
    ExpectNear(name, Values(value), Values(io.at(absl::StrCat(name, ".value"))), kTolerance);
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string gradient = absl::StrCat(name, ".grad.", names[i]);
      ExpectNear(gradient, Values(local[i].grad()), Values(io.at(gradient)), kTolerance);
    }
  }
}

}  // namespace
}  // namespace tributary
