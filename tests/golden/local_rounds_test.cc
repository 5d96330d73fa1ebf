// Two rounds of one client through the trainer itself.
#include <atomic>

#include "absl/strings/str_cat.h"
#include "client/trainer/local_trainer.h"
#include "common/train/schedule.h"
#include "tests/golden/golden_training.h"

namespace tributary {
namespace {

LocalTraining SettingsOf(const nlohmann::ordered_json& golden) {
  ExpectKnownKeys(golden,
                  {"name", "kind", "samples", "batch", "epochs", "rounds", "lr0", "decay", "every",
                   "weight_decay", "aux_layers", "aux_trained", "mu", "prox", "max_grad_norm"});
  LocalTraining settings;
  settings.epochs = golden.at("epochs");
  settings.batch = golden.at("batch");
  settings.learning_rate = golden.at("lr0");
  settings.learning_rate_decay = golden.at("decay");
  settings.learning_rate_decay_every = golden.value("every", 1);
  settings.weight_decay = golden.at("weight_decay");
  settings.clip_norm = golden.value("max_grad_norm", 0.0);
  settings.aux_trained = golden.value("aux_trained", true);
  settings.learn_scale = false;
  settings.proximal_mu = golden.value("mu", 0.0);
  const std::string rule = golden.value("prox", "paper");
  EXPECT_TRUE(rule == "paper" || rule == "release") << rule;
  settings.proximal_rule = rule == "paper" ? ProximalRule::kPaper : ProximalRule::kRelease;
  return settings;
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
  const nlohmann::ordered_json cases = GoldenJson("local_rounds/cases.json");
  const nlohmann::ordered_json left_out = GoldenJson("local_rounds/left_out.json");
  ASSERT_FALSE(cases.empty());
  for (const nlohmann::ordered_json& golden : cases) {
    const std::string name = golden.at("name");
    StateDict download = GoldenState(absl::StrCat("local_rounds/", name, ".global0.safetensors"));
    const GoldenModel kind = ModelOfState(download, GoldenHeads());
    EXPECT_EQ(kind.modality, ModalityFromRelease(golden.at("kind"))) << name;
    EXPECT_EQ(ComplementaryLayersName(kind.spec.complementary), golden.value("aux_layers", "none"))
        << name;
    auto samples =
        GoldenSamples(absl::StrCat("local_rounds/", name, ".data.safetensors"), kind.modality);
    EXPECT_EQ(samples->count(), golden.at("samples").get<int64_t>()) << name;
    auto trainer = LocalTrainer::Create(kind.spec, std::move(samples), {});
    ASSERT_TRUE(trainer.ok()) << trainer.status();
    const LocalTraining settings = SettingsOf(golden);
    LocalTask task{.round = 1, .seed = 1, .client = name, .training = settings, .shuffle = false};
    const bool release =
        task.training.proximal_mu > 0 && task.training.proximal_rule == ProximalRule::kRelease;
    for (; task.round <= golden.at("rounds").get<int>(); ++task.round) {
      task.training.learning_rate = LearningRate(settings, task.round);
      const auto result = (*trainer)->Train(download, task, nullptr, std::atomic<bool>(false));
      ASSERT_TRUE(result.ok()) << name << ": " << result.status();
      const std::string upload = absl::StrCat(name, ".upload", task.round);
      const StateDict golden_upload =
          GoldenState(absl::StrCat("local_rounds/", upload, ".safetensors"));
      ASSERT_EQ(result->upload.size(), golden_upload.size()) << upload;
      ExpectSameWeights(upload, result->upload, golden_upload,
                        left_out.value(upload, nlohmann::ordered_json::object()), release);
      download = NextDownload(result->upload, download);
    }
  }
}

}  // namespace
}  // namespace tributary
