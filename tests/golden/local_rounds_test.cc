// Two rounds of one client through the trainer itself.
#include <atomic>

#include "absl/strings/str_cat.h"
#include "client/trainer/local_trainer.h"
#include "common/train/memory_samples.h"
#include "common/train/schedule.h"
#include "tests/golden/golden_model.h"

namespace tributary {
namespace {

constexpr double kTolerance = 5e-4;

LocalTraining SettingsOf(const nlohmann::json& golden) {
  ExpectKnownKeys(golden,
                  {"name", "kind", "samples", "batch", "epochs", "rounds", "lr0", "decay",
                   "weight_decay", "aux_layers", "aux_trained", "mu", "prox", "max_grad_norm"});
  LocalTraining settings;
  settings.epochs = golden.at("epochs");
  settings.batch = golden.at("batch");
  settings.weight_decay = golden.at("weight_decay");
  settings.clip_norm = golden.value("max_grad_norm", 0.0);
  settings.aux_trained = golden.value("aux_trained", true);
  settings.learn_scale = false;
  settings.proximal_mu = golden.value("mu", 0.0);
  const std::string rule = golden.value("prox", "paper");
  EXPECT_TRUE(rule == "paper" || rule == "release") << rule;
  settings.proximal_rule = rule == "paper" ? ProximalRule::kPaper : ProximalRule::kRelease;
  settings.shuffle = false;
  return settings;
}

std::unique_ptr<Samples> SamplesOf(const std::string& name, Modality modality) {
  auto data = GoldenTensors(absl::StrCat("local_rounds/", name, ".data.safetensors"));
  Batch all;
  if (modality == Modality::kPair) {
    all = {.images = data.at("image"), .tokens = data.at("tokens"), .labels = {}};
  } else if (modality == Modality::kImage) {
    all = {.images = data.at("input"), .tokens = {}, .labels = data.at("target")};
  } else {
    all = {.images = {}, .tokens = data.at("input"), .labels = data.at("target")};
  }
  return std::make_unique<MemorySamples>(modality, std::move(all));
}

void CheckUpload(const std::string& what, const StateDict& ours, const StateDict& golden,
                 bool release_proximal, const nlohmann::json& left_out) {
  ASSERT_EQ(ours.size(), golden.size()) << what;
  for (const auto& [name, tensor] : ours) {
    const Tensor* expected = golden.Find(name);
    ASSERT_NE(expected, nullptr) << what << " " << name;
    ASSERT_EQ(tensor.shape, expected->shape) << what << " " << name;
    if (release_proximal && absl::EndsWith(name, "attn.qkv.bias")) continue;
    std::set<size_t> skipped;
    if (left_out.contains(name)) left_out.at(name).get_to(skipped);
    for (size_t i = 0; i < tensor.values.size(); ++i) {
      if (skipped.contains(i) || IsKeyBias(name, i, tensor.values.size())) continue;
      ASSERT_NEAR(tensor.values[i], expected->values[i], kTolerance)
          << what << " " << name << ", value " << i;
    }
  }
}

// What is downloaded next: the upload as new global, auxiliary weights as they were.
StateDict NextDownload(const StateDict& upload, const StateDict& before) {
  StateDict next;
  for (const auto& [name, tensor] : before) {
    if (absl::EndsWith(name, ".cross_modal_scale")) continue;
    const Tensor* plain = upload.Find(name);
    EXPECT_TRUE(next.Add(name, plain != nullptr ? *plain : tensor).ok());
  }
  return next;
}

TEST(GoldenLocalRounds, UploadsOfEveryKindOfClient) {
  const nlohmann::json cases = GoldenJson("local_rounds/cases.json");
  const nlohmann::json left_out = GoldenJson("local_rounds/left_out.json");
  ASSERT_FALSE(cases.empty());
  for (const nlohmann::json& golden : cases) {
    const std::string name = golden.at("name");
    StateDict download = GoldenState(absl::StrCat("local_rounds/", name, ".global0.safetensors"));
    const GoldenModel kind = ModelOfState(download, GoldenHeads());
    auto trainer = LocalTrainer::Create(kind.spec, SamplesOf(name, kind.modality), {});
    ASSERT_TRUE(trainer.ok()) << trainer.status();
    LocalTask task{.round = 1, .seed = 1, .client = name, .training = SettingsOf(golden)};
    const bool release =
        task.training.proximal_mu > 0 && task.training.proximal_rule == ProximalRule::kRelease;
    for (; task.round <= golden.at("rounds").get<int>(); ++task.round) {
      task.training.learning_rate =
          LearningRate(golden.at("lr0"), golden.at("decay"), 0, task.round);
      const auto result = (*trainer)->Train(download, task, nullptr, std::atomic<bool>(false));
      ASSERT_TRUE(result.ok()) << name << ": " << result.status();
      const std::string upload = absl::StrCat(name, ".upload", task.round);
      CheckUpload(upload, result->upload,
                  GoldenState(absl::StrCat("local_rounds/", upload, ".safetensors")), release,
                  left_out.value(upload, nlohmann::json::object()));
      download = NextDownload(result->upload, download);
    }
  }
}

}  // namespace
}  // namespace tributary
