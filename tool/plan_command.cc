#include "tool/plan_command.h"

#include <algorithm>
#include <iostream>
#include <map>

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/config/run_config.h"
#include "common/data/dataset_layout.h"
#include "common/data/shard.h"
#include "common/data/tokenizer.h"
#include "server/aggregation/plan.h"
#include "server/method/hook_table.h"
#include "server/method/method_table.h"
#include "server/registry/run_context.h"

namespace tributary {
namespace {

// The cohort of all clients, by name.
absl::StatusOr<std::vector<CohortMember>> WholeCohort(const RunConfig& config,
                                                      std::map<std::string, int64_t>* classes) {
  std::vector<CohortMember> cohort;
  for (const DatasetConfig& dataset : config.datasets) {
    for (int i = 0; i < dataset.clients; ++i) {
      const auto shard = Shard::Open(absl::StrCat(dataset.path, "/", TrainShardOf(i)));
      if (!shard.ok()) return Annotate(shard.status(), absl::StrCat("dataset ", dataset.name));
      (*classes)[dataset.name] = static_cast<int64_t>((*shard)->info().classes.size());
      cohort.push_back({.client = absl::StrFormat("%s-%02d", dataset.name, i),
                        .dataset = dataset.name,
                        .modality = dataset.modality,
                        .samples = static_cast<uint64_t>((*shard)->info().rows)});
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
  ASSIGN_OR_RETURN(const std::vector<CohortMember> cohort, WholeCohort(config, &classes));
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
