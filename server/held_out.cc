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

}  // namespace

absl::StatusOr<HeldOut> OpenHeldOut(const RunConfig& config) {
  HeldOut held_out;
  ASSIGN_OR_RETURN(const std::string vocabulary, FindVocabulary(config.model.vocabulary));
  ASSIGN_OR_RETURN(held_out.tokenizer, Tokenizer::Load(vocabulary));
  for (const DatasetConfig& dataset : config.datasets) {
    absl::StatusOr<std::shared_ptr<const Shard>> shard =
        Shard::Open(absl::StrCat(dataset.path, "/", kTestShard));
    if (!shard.ok()) return Annotate(shard.status(), absl::StrCat("dataset ", dataset.name));
    RETURN_IF_ERROR(CheckFits(dataset, config.model.spec, (*shard)->info()));
    held_out.shards[dataset.name] = *std::move(shard);
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
  for (const auto& [name, shard] : held_out.shards) {
    classes[name] = static_cast<int64_t>(shard->info().classes.size());
  }
  PublicSetCard public_set;
  if (const auto needed = PublicSetOf(config); needed.has_value()) {
    public_set = {.digest = held_out.public_set->digest(),
                  .samples = needed->samples,
                  .pair_clients = needed->pair_clients};
  }
  ASSIGN_OR_RETURN(RunContext context, MakeRunContext(config, classes, held_out.tokenizer->size(),
                                                      held_out.tokenizer->digest(), public_set));
  for (auto& [name, dataset] : context.datasets) {
    dataset.schema = SchemaOf(held_out.shards.at(name)->info());
  }
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
  for (const auto& [name, dataset] : context.datasets) {
    ASSIGN_OR_RETURN(std::unique_ptr<Samples> samples,
                     MakeShardSamples(held_out.shards.at(name), held_out.tokenizer,
                                      dataset.spec.max_tokens, threads));
    tasks[name] = {.spec = dataset.spec, .samples = std::move(samples)};
  }
  return Evaluator::Create(std::move(tasks),
                           {.device = "cpu", .threads = config.threads, .batch = config.batch});
}

}  // namespace tributary
