// Complementary training: gradients, optimizer steps and the merged upload.
#include <cmath>
#include <filesystem>
#include <set>

#include <ATen/ops/cross_entropy_loss.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/model/transformer.h"
#include "common/train/adamw.h"
#include "tests/golden/golden_model.h"

namespace tributary {
namespace {

constexpr double kTolerance = 1e-5;
constexpr double kStepTolerance = 5e-5;
constexpr float kNoise = 1e-6F;  // smaller first gradients are rounding noise

// The constants that the product's optimizer does not take from a run file.
void ExpectOurAdamW(const nlohmann::ordered_json& golden) {
  EXPECT_EQ(golden.at("betas"), nlohmann::ordered_json({kAdamWBeta1, kAdamWBeta2}));
  EXPECT_EQ(golden.at("eps"), kAdamWEps);
}

class Case {
 public:
  explicit Case(const nlohmann::ordered_json& golden)
      : golden_(golden),
        name_(golden.at("name")),
        gradients_(State("grads")),
        io_(GoldenTensors(absl::StrCat("complementary_step/", name_, ".io.safetensors"))) {
    ExpectKnownKeys(golden, {"name", "kind", "layers", "aux_trained", "gate_init", "lr",
                             "weight_decay", "betas", "eps"});
    ExpectOurAdamW(golden);
    const StateDict init = State("init");
    kind_ = ModelOfState(init, GoldenHeads());
    EXPECT_EQ(kind_.modality, ModalityFromRelease(golden.at("kind")));
    EXPECT_EQ(ComplementaryLayersName(kind_.spec.complementary),
              golden.at("layers").get<std::string>());
    for (const auto& [name, tensor] : init) {
      if (!absl::EndsWith(name, ".cross_modal_scale")) continue;
      EXPECT_FLOAT_EQ(tensor.values[0], golden.at("gate_init").get<float>()) << name;
    }
    auto model = Transformer::Create(kind_.spec, kind_.modality, init, c10::kCPU);
    EXPECT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
  }

  void Run() {
    AdamW optimizer(model_->Trained(golden_.at("aux_trained")), golden_.at("lr"),
                    golden_.at("weight_decay"));
    const std::set<int> compared = ComparedSteps();
    ASSERT_FALSE(compared.empty()) << name_;
    for (int step = 1; step <= *compared.rbegin(); ++step) {
      optimizer.ZeroGradients();
      const at::Tensor logits =
          model_->Logits(kind_.modality == Modality::kImage ? model_->ImageToken(io_["input"])
                                                            : model_->TextToken(io_["input"]));
      const at::Tensor loss = at::cross_entropy_loss(logits, io_["target"]);
      loss.backward();
      if (step == 1) CheckFirst(logits, loss);
      optimizer.Step();
      if (compared.contains(step)) CheckWeights(State(absl::StrCat("after", step)));
    }
    CheckUpload();
  }

 private:
  // Those whose weights are there, `NAME.afterSTEP`; the upload is made after the last.
  std::set<int> ComparedSteps() const {
    const std::string prefix = name_ + ".after", suffix = ".safetensors";
    std::set<int> steps;
    for (const auto& entry :
         std::filesystem::directory_iterator(GoldenPath("complementary_step"))) {
      const std::string file = entry.path().filename();
      if (!absl::StartsWith(file, prefix) || !absl::EndsWith(file, suffix)) continue;
      int step = 0;
      EXPECT_TRUE(absl::SimpleAtoi(absl::StripSuffix(file.substr(prefix.size()), suffix), &step))
          << file;
      steps.insert(step);
    }
    return steps;
  }

  StateDict State(const std::string& part) const {
    return GoldenState(absl::StrCat("complementary_step/", name_, ".", part, ".safetensors"));
  }

  bool Frozen(const std::string& name) const {
    return !golden_.at("aux_trained").get<bool>() && absl::EndsWith(name, ".aux_weight");
  }

  void CheckFirst(const at::Tensor& logits, const at::Tensor& loss) {
    ExpectNear(name_ + " logits", Values(logits), Values(io_["logits"]), kTolerance);
    ExpectNear(name_ + " loss", Values(loss), Values(io_["loss"]), kTolerance);
    for (const auto& [name, tensor] : model_->parameters()) {
      const Tensor* golden = gradients_.Find(name);
      if (Frozen(name)) {
        EXPECT_EQ(golden, nullptr) << name_ << " " << name;
        continue;
      }
      ASSERT_NE(golden, nullptr) << name_ << " " << name;
      ExpectNear(name_ + " gradient of " + name, Values(tensor.grad()), golden->values, kTolerance);
    }
  }

  // Whether value `i` of tensor `name` had a first gradient above the noise.
  bool Comparable(const std::string& name, size_t i, size_t size) const {
    if (IsKeyBias(name, i, size)) return false;
    const Tensor* gradient = gradients_.Find(name);
    return gradient != nullptr && std::abs(gradient->values[i]) >= kNoise;
  }

  void CheckWeights(const StateDict& golden) {
    for (const auto& [name, tensor] : model_->parameters()) {
      const Tensor* expected = golden.Find(name);
      ASSERT_NE(expected, nullptr) << name_ << " " << name;
      const std::vector<float> ours = Values(tensor);
      for (size_t i = 0; i < ours.size(); ++i) {
        if (Frozen(name)) {
          ASSERT_EQ(ours[i], expected->values[i]) << name_ << " " << name;
        } else if (Comparable(name, i, ours.size())) {
          ASSERT_NEAR(ours[i], expected->values[i], kStepTolerance) << name_ << " " << name;
        }
      }
    }
  }

  void CheckUpload() {
    const StateDict golden = State("upload"), ours = model_->Merged();
    ASSERT_EQ(ours.size(), golden.size());
    for (const auto& [name, tensor] : ours) {
      const Tensor* expected = golden.Find(name);
      ASSERT_NE(expected, nullptr) << name_ << " " << name;
      ASSERT_EQ(tensor.shape, expected->shape);
      for (size_t i = 0; i < tensor.values.size(); ++i) {
        if (!Comparable(name, i, tensor.values.size())) continue;
        ASSERT_NEAR(tensor.values[i], expected->values[i], kStepTolerance) << name_ << " " << name;
      }
    }
  }

  const nlohmann::ordered_json golden_;
  const std::string name_;
  const StateDict gradients_;
  std::map<std::string, at::Tensor> io_;
  GoldenModel kind_;
  std::unique_ptr<Transformer> model_;
};

TEST(GoldenSchedule, OptimizerIsOurs) {
  const nlohmann::ordered_json golden = GoldenJson("schedule/case.json");
  ExpectOurAdamW(golden);
  EXPECT_EQ(golden.at("optimizer"), "AdamW");
  EXPECT_EQ(golden.at("optimizer_state"), "created anew each round");
  EXPECT_GE(golden.at("weight_decay"), 0) << "local.weight_decay takes what is not negative";
}

TEST(GoldenComplementaryStep, GradientsStepsAndUpload) {
  const nlohmann::ordered_json cases = GoldenJson("complementary_step/cases.json");
  ASSERT_FALSE(cases.empty());
  for (const nlohmann::ordered_json& golden : cases) Case(golden).Run();
}

}  // namespace
}  // namespace tributary
