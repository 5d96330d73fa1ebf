#include "server/held_out.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/parallel.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/config/method_card.h"
#include "common/data/dataset_layout.h"
#include "common/train/samples.h"
#include "common/train/shard_samples.h"

namespace tributary {
namespace {

absl::Status CheckFits(const DatasetConfig& dataset, const ModelSpec& model,
                       const ShardInfo& info) {
  const auto differs = [&](absl::string_view what, const auto& found, const auto& expected) {
    return absl::FailedPreconditionError(
        absl::StrCat("dataset ", dataset.name, ": its test shard has ", what, " ", found,
                     ", the run file says ", expected, "; change one of the two"));
  };
  if (info.modality != dataset.modality) {
    return differs("modality", ModalityName(info.modality), ModalityName(dataset.modality));
  }
  if (info.dataset != dataset.name) return differs("dataset", info.dataset, dataset.name);
  if (dataset.modality != Modality::kText && info.image_size != model.image_size) {
    return differs("image size", info.image_size, model.image_size);
  }
  return absl::OkStatus();
}

// The schema of `file`, if it is one of `dataset`.
absl::StatusOr<Schema> OpenSchema(const std::string& file, const DatasetConfig& dataset) {
  ASSIGN_OR_RETURN(Schema schema, ReadSchema(file));
  if (schema.dataset == dataset.name && schema.modality == dataset.modality) return schema;
  return absl::FailedPreconditionError(absl::StrCat(
      file, " is the schema of ", schema.dataset, ", modality ", ModalityName(schema.modality),
      "; expected ", dataset.name, ", modality ", ModalityName(dataset.modality)));
}

// The test shard, unless only clients evaluate, and the schema: of the file that the run names,
// else of that shard.
absl::Status OpenDataset(const RunConfig& config, const DatasetConfig& dataset, HeldOut* held_out) {
  const std::string path = absl::StrCat(dataset.path, "/", kTestShard);
  Schema& schema = held_out->schemas[dataset.name];
  if (!dataset.schema.empty()) {
    ASSIGN_OR_RETURN(schema, OpenSchema(dataset.schema, dataset));
  }
  if (config.EvaluatesOnServer() || dataset.schema.empty()) {
    absl::StatusOr<std::shared_ptr<const Shard>> shard = Shard::Open(path);
    if (!config.EvaluatesOnServer() && absl::IsNotFound(shard.status())) {
      return absl::NotFoundError(
          absl::StrCat(shard.status().message(),
                       "; without a test shard (evaluation.where = \"clients\") give "
                       "the dataset a schema: `tributary schema --help`"));
    }
    RETURN_IF_ERROR(shard.status());
    RETURN_IF_ERROR(CheckFits(dataset, config.model.spec, (*shard)->info()));
    const Schema of_shard = SchemaOf((*shard)->info());
    if (dataset.schema.empty()) schema = of_shard;
    RETURN_IF_ERROR(
        CheckSameClasses(schema.classes, "its schema", of_shard.classes, "its test shard"));
    if (config.EvaluatesOnServer()) held_out->shards[dataset.name] = *std::move(shard);
  }
  if (dataset.modality == Modality::kText || schema.image_size == config.model.spec.image_size) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(dataset.schema, " has image size ", schema.image_size, ", the run file says ",
                   config.model.spec.image_size, "; change one of the two"));
}

}  // namespace

absl::StatusOr<HeldOut> OpenHeldOut(const RunConfig& config) {
  HeldOut held_out;
  ASSIGN_OR_RETURN(const std::string vocabulary, FindVocabulary(config.model.vocabulary));
  ASSIGN_OR_RETURN(held_out.tokenizer, Tokenizer::Load(vocabulary));
  for (const DatasetConfig& dataset : config.datasets) {
    const std::string where = absl::StrCat("dataset ", dataset.name);
    if (absl::Status opened = OpenDataset(config, dataset, &held_out); !opened.ok()) {
      return Annotate(opened, where);
    }
  }
  if (const auto needed = PublicSetOf(config); needed.has_value()) {
    absl::StatusOr<std::shared_ptr<const Shard>> shard =
        Shard::Open(absl::StrCat(needed->folder, "/", kTrainShard));
    if (!shard.ok()) return Annotate(shard.status(), needed->key);
    if ((*shard)->info().image_size != config.model.spec.image_size) {
      return absl::FailedPreconditionError(absl::StrCat(
          needed->key, ": its shard has image size ", (*shard)->info().image_size,
          ", the run file says ", config.model.spec.image_size, "; change one of the two"));
    }
    held_out.public_set = *std::move(shard);
  }
  return held_out;
}

absl::StatusOr<RunContext> ContextOf(const RunConfig& config, const HeldOut& held_out) {
  std::map<std::string, int64_t> classes;
  for (const auto& [name, schema] : held_out.schemas) {
    classes[name] = static_cast<int64_t>(schema.classes.size());
  }
  PublicSetCard public_set;
  if (const auto needed = PublicSetOf(config); needed.has_value()) {
    public_set = {.digest = held_out.public_set->digest(),
                  .samples = needed->samples,
                  .pair_clients = needed->pair_clients};
  }
  ASSIGN_OR_RETURN(RunContext context, MakeRunContext(config, classes, held_out.tokenizer->size(),
                                                      held_out.tokenizer->digest(), public_set));
  for (auto& [name, dataset] : context.datasets) dataset.schema = held_out.schemas.at(name);
  return context;
}

absl::StatusOr<std::shared_ptr<const Samples>> MakePublicSet(const RunConfig& config,
                                                             const HeldOut& held_out) {
  const std::optional<PublicSetConfig> needed = PublicSetOf(config);
  if (!needed.has_value()) return std::shared_ptr<const Samples>();
  auto samples = MakePublicSamples(held_out.public_set, held_out.tokenizer,
                                   config.model.spec.max_tokens, needed->samples, CoreCount());
  if (!samples.ok()) {
    return Annotate(samples.status(), absl::StrCat(needed->key, ", ", needed->samples_key));
  }
  return std::shared_ptr<const Samples>(*std::move(samples));
}

absl::StatusOr<std::unique_ptr<Evaluator>> MakeEvaluator(const RunContext& context,
                                                         const HeldOut& held_out) {
  const EvaluationConfig& config = context.config.evaluation;
  const int threads = config.threads == 0 ? CoreCount() : config.threads;
  std::map<std::string, HeldOutTask> tasks;
  for (const auto& [name, shard] : held_out.shards) {
    const DatasetContext& dataset = context.datasets.at(name);
    ASSIGN_OR_RETURN(std::unique_ptr<Samples> samples,
                     MakeShardSamples(shard, held_out.tokenizer, dataset.spec.max_tokens, threads));
    tasks[name] = {.spec = dataset.spec, .samples = std::move(samples)};
  }
  return Evaluator::Create(std::move(tasks),
                           {.device = "cpu", .threads = config.threads, .batch = config.batch});
}

}  // namespace tributary
