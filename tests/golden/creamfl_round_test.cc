// A whole round of CreamFL by the release: what is sent out, what each client makes of it, and what
// the coordinator makes of that. golden/creamfl_round.
#include <atomic>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include "absl/strings/str_cat.h"
#include "client/trainer/local_trainer.h"
#include "common/codec/encoded_state.h"
#include "common/model/torch_state.h"
#include "common/train/representations.h"
#include "server/aggregation/aggregator.h"
#include "server/method/creamfl/distillation_hook.h"
#include "server/method/creamfl/settings.h"
#include "tests/golden/golden_cohort.h"
#include "tests/golden/golden_training.h"
#include "tests/scratch_folder.h"
#include "tests/whole_upload.h"

namespace tributary {
namespace {

constexpr double kTolerance = 1e-5;

std::string File(const std::string& name) {
  return absl::StrCat("creamfl_round/", name, ".safetensors");
}

class GoldenCreamFlRound : public testing::Test {
 protected:
  void SetUp() override {
    ExpectKnownKeys(
        golden_, {"public", "public_batch", "kd_weight", "p_lr", "p_weight_decay", "clip_grad_norm",
                  "interintra_weight", "temperature", "lr", "epochs", "batch", "clients"});
    EXPECT_EQ(golden_.at("clip_grad_norm"), kContrastClipNorm) << "a constant of the method";
    EXPECT_EQ(golden_.at("p_weight_decay"), 0.01) << "a constant of the method";
    for (const nlohmann::ordered_json& client : golden_.at("clients")) {
      ExpectKnownKeys(client, {"id", "modality", "dataset", "samples", "contrastive"});
      const std::string dataset = client.at("dataset");
      if (before_.contains(dataset)) continue;
      before_[dataset] = GoldenState(File("before." + dataset));
      models_[dataset] = ModelOfState(before_[dataset], GoldenHeads());
      EXPECT_EQ(models_[dataset].modality, ModalityFromRelease(client.at("modality")));
      if (models_[dataset].modality == Modality::kPair) pair_ = dataset;
    }
    for (const char* part : {"image", "text"}) {
      public_features_[part] = GoldenTensors(File("public_features")).at(part);
    }
  }

  std::unique_ptr<Samples> PublicSamples() const {
    return GoldenSamples(File("public"), Modality::kPair);
  }
  // A global model and the coordinator's representations.
  StateDict DownloadOf(const std::string& dataset) const {
    StateDict download = before_.at(dataset);
    EXPECT_TRUE(
        download.Add(std::string(kPublicImages), FromTorch(public_features_.at("image"))).ok());
    EXPECT_TRUE(
        download.Add(std::string(kPublicTexts), FromTorch(public_features_.at("text"))).ok());
    return download;
  }
  RunContext Context() const;

  const nlohmann::ordered_json golden_ = GoldenJson("creamfl_round/case.json");
  const nlohmann::ordered_json left_out_ = GoldenJson("creamfl_round/left_out.json");
  std::map<std::string, StateDict> before_;
  std::map<std::string, GoldenModel> models_;
  std::map<std::string, at::Tensor> public_features_;
  std::string pair_;
};

RunContext GoldenCreamFlRound::Context() const {
  RunContext context;
  context.config.method = &CreamFlCard();
  CreamFlCard().preset(&context.config);
  context.config.aggregation.rule = Rule::kRelease;
  context.config.evaluation.threads = 1;
  auto& creamfl = MethodSettings<CreamFlSettings>(context.config);
  creamfl.contrast.batch = golden_.at("public_batch");
  creamfl.distill_weight = golden_.at("kd_weight");
  creamfl.distill_learning_rate = golden_.at("p_lr");
  for (const auto& [name, model] : models_) {
    DatasetContext& dataset = context.datasets[name];
    dataset.config.name = name;
    dataset.config.modality = model.modality;
    dataset.spec = model.spec;
    if (model.modality != Modality::kPair) dataset.spec.public_samples = golden_.at("public");
  }
  return context;
}

TEST_F(GoldenCreamFlRound, WhatIsSentOut) {
  ModelSet models{.globals = before_, .auxiliary = {}};
  const DistillationHook hook(PublicSamples());
  ASSERT_TRUE(hook.Begin(Context(), &models).ok());
  for (const auto& [name, state] : models.auxiliary) {
    ExpectNear(name, state.Find(kPublicImages)->values, Values(public_features_.at("image")),
               kTolerance);
    ExpectNear(name, state.Find(kPublicTexts)->values, Values(public_features_.at("text")),
               kTolerance);
  }
  EXPECT_EQ(models.auxiliary.size(), models_.size() - 1) << "pair clients download none";
}

TEST_F(GoldenCreamFlRound, WhatEachClientUploads) {
  for (const nlohmann::ordered_json& client : golden_.at("clients")) {
    const int id = client.at("id");
    const std::string dataset = client.at("dataset"), upload = absl::StrCat("upload.", id);
    const bool contrastive = client.at("contrastive");
    ModelSpec spec = models_.at(pair_).spec;  // has both sides' sizes, as a run's has
    spec.classes = models_.at(dataset).spec.classes;
    const Modality modality = models_.at(dataset).modality;
    if (contrastive) spec.public_samples = golden_.at("public");
    auto trainer =
        LocalTrainer::Create(spec, GoldenSamples(File(absl::StrCat("data.", id)), modality), {},
                             contrastive ? PublicSamples() : nullptr);
    ASSERT_TRUE(trainer.ok()) << trainer.status();
    LocalTask task{.round = 1, .seed = 1, .client = upload, .training = {}};
    task.training.epochs = golden_.at("epochs");
    task.training.batch = golden_.at("batch");
    task.training.learning_rate = golden_.at("lr");
    task.training.learn_scale = false;
    task.shuffle = false;
    task.training.contrast = {.batch = golden_.at("public_batch"),
                              .temperature = golden_.at("temperature"),
                              .weight = golden_.at("interintra_weight")};
    const auto result =
        (*trainer)->Train(DownloadOf(dataset), task, nullptr, std::atomic<bool>(false));
    ASSERT_TRUE(result.ok()) << result.status();
    ExpectSameWeights(upload, result->upload, GoldenState(File(upload)),
                      left_out_.value(upload, nlohmann::ordered_json::object()));
    const Tensor* features = result->upload.Find(kPublicFeatures);
    ASSERT_EQ(features != nullptr, modality != Modality::kPair);
    if (features == nullptr) continue;
    const auto wanted = GoldenTensors(File(absl::StrCat("uploaded_features.", id)));
    ExpectNear(upload, features->values, Values(wanted.at("feature")), 5e-4);
  }
}

TEST_F(GoldenCreamFlRound, WhatTheCoordinatorMakesOfIt) {
  const RunContext context = Context();
  std::vector<Target> targets;
  for (const auto& [name, model] : models_) {
    targets.push_back({.dataset = name,
                       .modality = model.modality,
                       .manifest = Manifest::Of(before_.at(name)),
                       .representations = {}});
    if (model.modality == Modality::kPair) continue;
    targets.back().representations = {
        {std::string(kPublicFeatures), {golden_.at("public"), model.spec.dim}}};
  }
  std::vector<CohortMember> cohort;
  for (const nlohmann::ordered_json& client : golden_.at("clients")) {
    cohort.push_back(MemberOf(client));
  }
  SortByName(&cohort);
  const std::map<std::string, int64_t> ids = IdsOf(golden_.at("clients"));
  const ScratchFolder scratch;
  SpoolBudget budget(1 << 20);
  Aggregator aggregator(targets, cohort, context.config.aggregation);
  for (size_t i = 0; i < cohort.size(); ++i) {
    const int64_t id = ids.at(cohort[i].client);
    StateDict update = GoldenState(File(absl::StrCat("upload.", id)));
    for (size_t t = 0; t < update.size(); ++t) {
      const Tensor* old = before_.at(cohort[i].dataset).Find(update[t].name);
      for (size_t v = 0; v < old->values.size(); ++v) update[t].tensor.values[v] -= old->values[v];
    }
    // The manifest's order is that of the global.
    StateDict ordered;
    for (const TensorSpec& spec : aggregator.ManifestOf(cohort[i]).tensors) {
      if (spec.name == kPublicFeatures) {
        const auto features = GoldenTensors(File(absl::StrCat("uploaded_features.", id)));
        ASSERT_TRUE(ordered.Add(spec.name, FromTorch(features.at("feature"))).ok());
      } else {
        ASSERT_TRUE(ordered.Add(spec.name, *update.Find(spec.name)).ok());
      }
    }
    auto spool = std::make_unique<Spool>(scratch / cohort[i].client, &budget);
    const auto encoded = EncodedState::Encode(ordered, Codec::kF32, 1 << 16, 1);
    const absl::Status added = AddWhole(cohort[i], *encoded, std::move(spool), &aggregator);
    ASSERT_TRUE(added.ok()) << added;
  }

  RoundOutcome outcome{.round = 1, .updates = {}};
  std::map<std::string, StateDict> representations = aggregator.Representations();
  for (const CohortMember& member : cohort) {
    outcome.updates.push_back({.client = member.client,
                               .modality = member.modality,
                               .representations = std::move(representations[member.client])});
  }
  auto merged = std::move(aggregator).Finish(before_);
  ASSERT_TRUE(merged.ok()) << merged.status();
  ModelSet models{.globals = *std::move(merged), .auxiliary = {}};
  for (const auto& [name, model] : models_) {
    if (model.modality == Modality::kPair) continue;
    StateDict published;
    ASSERT_TRUE(
        published.Add(std::string(kPublicImages), FromTorch(public_features_.at("image"))).ok());
    ASSERT_TRUE(
        published.Add(std::string(kPublicTexts), FromTorch(public_features_.at("text"))).ok());
    models.auxiliary[name] = std::move(published);
  }
  const DistillationHook hook(PublicSamples());
  const absl::Status status = hook.AfterMerge(context, outcome, &models);
  ASSERT_TRUE(status.ok()) << status;
  for (const auto& [name, global] : models.globals) {
    const std::string after = "after." + name;
    ExpectSameWeights(after, global, GoldenState(File(after)),
                      left_out_.value(after, nlohmann::ordered_json::object()));
  }
}

TEST_F(GoldenCreamFlRound, WhatTheUploadedRepresentationsAreMergedInto) {
  const auto merged = GoldenTensors(File("aggregated_features"));
  for (const auto& [part, modality] :
       {std::pair{"image", Modality::kImage}, std::pair{"text", Modality::kText}}) {
    std::vector<at::Tensor> clients;
    for (const nlohmann::ordered_json& client : golden_.at("clients")) {
      if (ModalityFromRelease(client.at("modality")) != modality) continue;
      const int id = client.at("id");
      clients.push_back(GoldenTensors(File(absl::StrCat("uploaded_features.", id))).at("feature"));
    }
    ASSERT_EQ(merged.contains(part), !clients.empty());
    if (clients.empty()) continue;
    const at::Tensor& others = public_features_.at(modality == Modality::kImage ? "text" : "image");
    const at::Tensor weights = RepresentationWeights(clients, others);
    ExpectNear(part, Values(EnsembleOf(clients, weights)), Values(merged.at(part)), kTolerance);
  }
}

TEST_F(GoldenCreamFlRound, TermsOfAPairClient) {
  const auto io = GoldenTensors(File("pair_local"));
  const at::Tensor& rows = io.at("batch_index");
  const at::Tensor image = io.at("image").clone().set_requires_grad(true);
  const at::Tensor text = io.at("text").clone().set_requires_grad(true);
  const double temperature = golden_.at("temperature");
  const at::Tensor inter_image = InterLoss(image, rows, io.at("global_text"), temperature);
  const at::Tensor inter_text = InterLoss(text, rows, io.at("global_image"), temperature);
  const at::Tensor global = at::cat(
      {io.at("global_image").index_select(0, rows), io.at("global_text").index_select(0, rows)});
  const at::Tensor intra = IntraLoss(at::cat({image, text}), global,
                                     at::cat({io.at("old_image"), io.at("old_text")}), temperature);
  (inter_image + inter_text + intra).backward();
  ExpectNear("inter image", Values(inter_image), Values(io.at("loss_inter_image")), kTolerance);
  ExpectNear("inter text", Values(inter_text), Values(io.at("loss_inter_text")), kTolerance);
  ExpectNear("intra", Values(intra), Values(io.at("loss_intra")), kTolerance);
  ExpectNear("image", Values(image.grad()), Values(io.at("grad_image")), kTolerance);
  ExpectNear("text", Values(text.grad()), Values(io.at("grad_text")), kTolerance);
}

}  // namespace
}  // namespace tributary
