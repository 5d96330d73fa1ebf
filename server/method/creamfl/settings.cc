#include "server/method/creamfl/settings.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/config/training_fields.h"

namespace tributary {
namespace {

FieldTable<CreamFlSettings> OwnFields() {
  FieldTable<CreamFlSettings> fields = {
      TextField("public", &CreamFlSettings::public_set, Mathematics::kIndirect, Clients::kNo,
                "folder with the `train.shard` of a prepared pair set, which coordinator and "
                "clients hold alike (`tributary-client --public`)")
          .ShownDefault("required"),
      WholeField("samples", &CreamFlSettings::samples, 1, 1 << 20, Mathematics::kYes,
                 Clients::kIndirect, "of the public set, its first")};
  fields =
      Joined(fields, FieldsThrough<CreamFlSettings>(&CreamFlSettings::contrast, ContrastFields()));
  return Joined(
      fields,
      {FlagField("pair_contrast", &CreamFlSettings::pair_contrast, Mathematics::kYes,
                 Clients::kIndirect, "pair clients train on the public set too"),
       NumberField("distill_weight", &CreamFlSettings::distill_weight, 0, 1e9, Mathematics::kYes,
                   Clients::kNo, "factor on the coordinator's distillation loss"),
       NumberField("distill_learning_rate", &CreamFlSettings::distill_learning_rate, 0, 100,
                   Mathematics::kYes, Clients::kNo,
                   "of the coordinator's AdamW (weight decay 0.01)")});
}

void Check(const RunConfig& config, Section* root) {
  if (MethodSettings<CreamFlSettings>(config).public_set.empty()) {
    root->Problem("method",
                  "is \"creamfl\", which needs a public set: give creamfl.public, a "
                  "folder with the train.shard of pairs that all sides hold");
  }
  if (config.local.complementary != ComplementaryLayers::kNone) {
    root->Problem("method",
                  "is \"creamfl\", which has no complementary layers: set "
                  "local.complementary to \"none\"");
  }
  const auto pairs = std::count_if(
      config.datasets.begin(), config.datasets.end(),
      [](const DatasetConfig& dataset) { return dataset.modality == Modality::kPair; });
  if (pairs != 1) {
    root->Problem("datasets", absl::StrCat("hold ", pairs,
                                           " datasets of modality \"pair\"; method "
                                           "\"creamfl\" needs exactly one"));
  }
}

PublicSetConfig PublicSet(const RunConfig& config) {
  const auto& settings = MethodSettings<CreamFlSettings>(config);
  return {.key = "creamfl.public",
          .samples_key = "creamfl.samples",
          .folder = settings.public_set,
          .samples = settings.samples,
          .pair_clients = settings.pair_contrast};
}

}  // namespace

const MethodCard& CreamFlCard() {
  const auto own = [](auto& config) -> auto& { return MethodSettings<CreamFlSettings>(config); };
  static const auto* const kCard = new MethodCard{
      .word = "creamfl",
      .shares = "as FedAvg; besides, representations of a public set",
      .adds =
          "after each epoch a pass over the public set: contrast with the global model's "
          "representations",
      .costs =
          "two [samples, dim] tensors down, one up (uni-modal clients); a pass for each "
          "epoch; distillation on the coordinator",
      .preset = [](RunConfig* config) { config->aggregation.plain_pair_mean = true; },
      .own = SettingsGroup{.section = "creamfl",
                           .fields = FieldsThrough<RunConfig>(own, OwnFields()),
                           .message = "training.contrast"},
      .check = Check,
      .public_set = PublicSet};
  return *kCard;
}

}  // namespace tributary
