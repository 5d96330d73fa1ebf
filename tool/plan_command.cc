#include "tool/plan_command.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/data/dataset_layout.h"
#include "common/data/schema.h"
#include "common/data/shard.h"
#include "common/data/tokenizer.h"
#include "server/aggregation/plan.h"
#include "server/method/hook_table.h"
#include "server/method/method_table.h"
#include "server/registry/run_context.h"

namespace tributary {
namespace {

constexpr uint64_t kAssumedSamples = 1000;  // of a client whose shard is elsewhere

// Samples of client number `i`; nothing where its shard is not on this machine.
absl::StatusOr<std::optional<uint64_t>> SamplesOf(const DatasetConfig& dataset, int i) {
  const auto shard = Shard::Open(absl::StrCat(dataset.path, "/", TrainShardOf(i)));
  if (absl::IsNotFound(shard.status())) return std::nullopt;
  RETURN_IF_ERROR(shard.status());
  return static_cast<uint64_t>((*shard)->info().rows);
}

// From the schema that the run names, the coordinator's test shard, or a client's shard.
absl::StatusOr<int64_t> ClassesOf(const DatasetConfig& dataset) {
  if (!dataset.schema.empty()) {
    ASSIGN_OR_RETURN(const Schema schema, ReadSchema(dataset.schema));
    return static_cast<int64_t>(schema.classes.size());
  }
  absl::StatusOr<std::shared_ptr<const Shard>> shard =
      Shard::Open(absl::StrCat(dataset.path, "/", kTestShard));
  if (absl::IsNotFound(shard.status())) {
    shard = Shard::Open(absl::StrCat(dataset.path, "/", TrainShardOf(0)));
  }
  RETURN_IF_ERROR(shard.status());
  return static_cast<int64_t>((*shard)->info().classes.size());
}

// The cohort of all clients, by name. A coordinator need not have their shards: `*assumed` says
// whether samples of some are assumed.
absl::StatusOr<std::vector<CohortMember>> WholeCohort(const RunConfig& config,
                                                      std::map<std::string, int64_t>* classes,
                                                      bool* assumed) {
  std::vector<CohortMember> cohort;
  for (const DatasetConfig& dataset : config.datasets) {
    const std::string where = absl::StrCat("dataset ", dataset.name);
    const absl::StatusOr<int64_t> of_dataset = ClassesOf(dataset);
    if (!of_dataset.ok()) return Annotate(of_dataset.status(), where);
    (*classes)[dataset.name] = *of_dataset;
    for (int i = 0; i < dataset.clients; ++i) {
      const absl::StatusOr<std::optional<uint64_t>> samples = SamplesOf(dataset, i);
      if (!samples.ok()) return Annotate(samples.status(), where);
      *assumed = *assumed || !samples->has_value();
      cohort.push_back({.client = absl::StrFormat("%s-%02d", dataset.name, i),
                        .dataset = dataset.name,
                        .modality = dataset.modality,
                        .samples = samples->value_or(kAssumedSamples)});
    }
  }
  // Rule `release` folds clients in the order of their names; BuildPlan() relies on it.
  std::sort(cohort.begin(), cohort.end(),
            [](const CohortMember& a, const CohortMember& b) { return a.client < b.client; });
  return cohort;
}

// Consecutive parameters with the same contributions are printed as one row: a model has hundreds.
void PrintTarget(const std::string& dataset, const nlohmann::json& parameters,
                 const std::vector<TensorSpec>& order) {
  std::cout << "target " << dataset << "\n";
  for (size_t i = 0; i < order.size();) {
    const nlohmann::json& row = parameters.at(order[i].name);
    size_t end = i + 1;
    while (end < order.size() && parameters.at(order[end].name) == row) ++end;
    std::cout << "  " << order[i].name;
    if (end - i > 1) std::cout << "  and the next " << end - i - 1;
    std::cout << "\n";
    for (const auto& [client, coefficient] : row.items()) {
      std::cout << absl::StrFormat("    %.6f  %s\n", coefficient.get<double>(), client);
    }
    if (row.empty()) std::cout << "    nobody: stays as it is\n";
    i = end;
  }
}

}  // namespace

void AddPlanFlags(CLI::App* app, PlanCommand* command) {
  app->add_option("run_file", command->run_file, "run file (TOML)")->required();
  app->add_option("--set", command->overrides, "key=value, in place of the run file's value")
      ->take_all()
      ->allow_extra_args(false);
  app->add_flag("--json", command->json,
                "print one JSON object: target, parameter, client, coefficient");
}

absl::Status RunPlan(const PlanCommand& command) {
  ASSIGN_OR_RETURN(const RunConfig config,
                   LoadRunConfig(command.run_file, Methods(), command.overrides));
  RETURN_IF_ERROR(CheckAggregation(config.aggregation));
  std::map<std::string, int64_t> classes;
  bool assumed = false;
  ASSIGN_OR_RETURN(const std::vector<CohortMember> cohort, WholeCohort(config, &classes, &assumed));
  if (assumed) {
    std::cerr << "plan: clients whose shards are not here count with " << kAssumedSamples
              << " samples\n";
  }
  ASSIGN_OR_RETURN(const std::string vocabulary, FindVocabulary(config.model.vocabulary));
  ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::Load(vocabulary));
  ASSIGN_OR_RETURN(const RunContext context,
                   MakeRunContext(config, classes, tokenizer->size(), tokenizer->digest()));
  std::vector<Target> targets;
  for (const auto& [name, dataset] : context.datasets) {
    targets.push_back(
        {.dataset = name, .modality = dataset.config.modality, .manifest = dataset.plain});
  }
  Plan plan = BuildPlan(targets, cohort, config.aggregation);
  HooksOf(config).AdjustPlan(cohort, &plan);
  const nlohmann::json json = PlanToJson(plan, targets, cohort);
  if (command.json) {
    std::cout << json.dump() << std::endl;
    return absl::OkStatus();
  }
  for (const Target& target : targets) {
    PrintTarget(target.dataset, json.at(target.dataset), target.manifest.tensors);
  }
  return absl::OkStatus();
}

}  // namespace tributary
