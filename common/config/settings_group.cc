#include "common/config/settings_group.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/host_port.h"
#include "common/config/best_metric.h"
#include "common/config/method_card.h"
#include "common/config/model_fields.h"
#include "common/config/run_fields.h"
#include "common/config/training_fields.h"

namespace tributary {
namespace {

void CheckModel(const RunConfig& config, Section* section) {
  const ModelSpec& spec = config.model.spec;
  if (spec.dim % spec.heads != 0) {
    section->Problem(
        "dim", absl::StrCat("is ", spec.dim, "; it must be divisible by heads = ", spec.heads));
  }
  if (spec.image_size % spec.patch != 0) {
    section->Problem("image_size", absl::StrCat("is ", spec.image_size,
                                                "; it must be divisible by patch = ", spec.patch));
  }
}

// A method's preset may ask for complementary layers where there is no client for them; the file
// may not.
void CheckLocal(const RunConfig& config, Section* section) {
  const bool all_pairs =
      std::all_of(config.datasets.begin(), config.datasets.end(),
                  [](const DatasetConfig& dataset) { return dataset.modality == Modality::kPair; });
  if (section->Has("complementary") && all_pairs &&
      config.local.complementary != ComplementaryLayers::kNone) {
    section->Problem(
        "complementary",
        "is for clients of images or texts; this run has pair clients alone, whose models "
        "hold both modalities");
  }
}

void CheckAggregation(const RunConfig& config, Section* section) {
  const AggregationConfig& aggregation = config.aggregation;
  if (aggregation.rule == Rule::kPaper && aggregation.out_modality_scale != 1) {
    section->Problem("out_modality_scale", "belongs to rule = \"release\"; rule is \"paper\"");
  }
  if (aggregation.rule == Rule::kPaper && aggregation.compensation &&
      aggregation.scope != Scope::kModality) {
    section->Problem("compensation", "needs scope = \"modality\" under rule = \"paper\"");
  }
}

void CheckRound(const RunConfig& config, Section* section) {
  if (config.round.fraction == 0) section->Problem("fraction", "is 0; it must be above 0");
}

void CheckWire(const RunConfig& config, Section* section) {
  const WireConfig& wire = config.wire;
  if (wire.liveness < 2 * wire.heartbeat) {
    section->Problem("liveness", absl::StrCat("is ", absl::FormatDuration(wire.liveness),
                                              "; it must be at least twice heartbeat = ",
                                              absl::FormatDuration(wire.heartbeat)));
  }
}

void CheckServer(const RunConfig& config, Section* section) {
  if (const absl::Status status = CheckHostPort(config.server.listen, 0); !status.ok()) {
    section->Problem("listen", absl::StrCat(status.message(), "; port 0: any free one"));
  }
}

void CheckEvaluation(const RunConfig& config, Section* section) {
  const EvaluationConfig& evaluation = config.evaluation;
  if (evaluation.best.empty()) {
    if (evaluation.patience > 0) {
      section->Problem("patience", absl::StrCat("is ", evaluation.patience,
                                                "; it needs `best`, by which rounds are judged"));
    }
    return;
  }
  const auto best = ParseBestMetric(evaluation.best, config.datasets);
  if (!best.ok()) section->Problem("best", best.status().message());
}

template <typename Reach, typename Settings>
FieldTable<RunConfig> Of(Reach reach, const FieldTable<Settings>& fields) {
  return FieldsThrough<RunConfig>(reach, fields);
}

std::vector<SettingsGroup> MakeGroups() {
  const auto tls = [](auto& config) -> auto& { return config.server.tls; };
  const auto augmentations = [](auto& config) -> auto& { return config.local.augmentations; };
  return {
      {.section = "model",
       .fields = Of(&RunConfig::model, ModelFields()),
       .message = "model",
       .check = CheckModel},
      {.section = "init", .fields = Of(&RunConfig::init, InitFields())},
      {.section = "local",
       .fields = Of(&RunConfig::local, LocalFields()),
       .message = "training",
       .check = CheckLocal},
      {.section = "contrastive",
       .fields = Of(&RunConfig::local, ContrastiveFields()),
       .message = "training"},
      {.section = "fedprox",
       .fields = Of(&RunConfig::local, ProximalFields()),
       .message = "training"},
      {.section = "augmentation",
       .fields = Of(augmentations, AugmentationFields()),
       .message = "training.augmentation"},
      {.section = "aggregation",
       .fields = Of(&RunConfig::aggregation, AggregationFields()),
       .check = CheckAggregation},
      {.section = "fedopt", .fields = Of(&RunConfig::fedopt, FedOptFields())},
      {.section = "round", .fields = Of(&RunConfig::round, RoundFields()), .check = CheckRound},
      {.section = "wire", .fields = Of(&RunConfig::wire, WireFields()), .check = CheckWire},
      {.section = "server", .fields = Of(&RunConfig::server, ServerFields()), .check = CheckServer},
      {.section = "server.tls", .fields = Of(tls, TlsFields())},
      {.section = "evaluation",
       .fields = Of(&RunConfig::evaluation, EvaluationFields()),
       .check = CheckEvaluation},
      {.section = "checkpoints", .fields = Of(&RunConfig::checkpoints, CheckpointsFields())},
      {.section = "launch", .fields = Of(&RunConfig::launch, LaunchFields())},
  };
}

}  // namespace

const std::vector<SettingsGroup>& RunGroups() {
  static const auto* const kGroups = new std::vector<SettingsGroup>(MakeGroups());
  return *kGroups;
}

std::vector<SettingsGroup> AllGroups(const MethodTable& methods) {
  const auto first = [](auto& config) -> auto& { return config.datasets.front(); };
  std::vector<SettingsGroup> groups = {
      {.section = "", .fields = TopFields(methods)},
      {.section = "datasets", .fields = Of(first, DatasetFields())}};
  groups.insert(groups.end(), RunGroups().begin(), RunGroups().end());
  for (const MethodCard* card : methods.cards) {
    if (card->own.has_value()) groups.push_back(*card->own);
  }
  return groups;
}

std::vector<const SettingsGroup*> GroupsOf(const RunConfig& config) {
  std::vector<const SettingsGroup*> groups;
  for (const SettingsGroup& group : RunGroups()) groups.push_back(&group);
  if (config.method != nullptr && config.method->own.has_value()) {
    groups.push_back(&*config.method->own);
  }
  return groups;
}

}  // namespace tributary
