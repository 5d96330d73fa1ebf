#include "server/round/run_result.h"

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/base/version.h"
#include "common/tensor/safetensors.h"
#include "server/registry/model_metadata.h"

namespace tributary {
namespace {

// Class names may come from files of any encoding.
constexpr auto kReplace = nlohmann::json::error_handler_t::replace;

// What the models are of: by dataset its modality, clients and, by label, the classes' names.
nlohmann::json DatasetsToJson(const RunContext& context) {
  nlohmann::json datasets = nlohmann::json::object();
  for (const auto& [name, dataset] : context.datasets) {
    datasets[name] = {{"modality", std::string(ModalityName(dataset.config.modality))},
                      {"clients", dataset.config.clients}};
    if (!dataset.schema.classes.empty()) datasets[name]["classes"] = dataset.schema.classes;
  }
  return datasets;
}

// The metrics without confusion matrices.
nlohmann::json TasksInShort(const std::map<std::string, TaskMetrics>& tasks) {
  nlohmann::json json = TasksToJson(tasks);
  for (auto& [dataset, metrics] : json.items()) metrics.erase("confusion");
  return json;
}

}  // namespace

nlohmann::json MakeRunResult(const RunContext& context, const std::vector<RoundRecord>& history) {
  double seconds = 0;
  uint64_t bytes_up = 0, bytes_down = 0;
  nlohmann::json rounds = nlohmann::json::array();
  std::map<std::string, TaskMetrics> tasks;
  for (const RoundRecord& record : history) {
    seconds += record.seconds;
    bytes_up += record.bytes_up;
    bytes_down += record.bytes_down;
    if (!record.tasks.empty()) tasks = record.tasks;
    rounds.push_back({{"round", record.round},
                      {"attempt", record.attempt},
                      {"seconds", record.seconds},
                      {"bytes_up", record.bytes_up},
                      {"bytes_down", record.bytes_down},
                      {"tasks", TasksInShort(record.tasks)},
                      {"updates", UpdatesToJson(record.updates)}});
    if (!record.model_hash.empty()) rounds.back()["model_hash"] = record.model_hash;
  }
  return {{"name", context.config.name},
          {"run_id", context.run_id},
          {"method", std::string(MethodName(context.config))},
          {"rule", std::string(RuleName(context.config.aggregation.rule))},
          {"seed", context.config.seed},
          {"rounds", history.back().round},
          {"seconds", seconds},
          {"bytes_up", bytes_up},
          {"bytes_down", bytes_down},
          {"model_hash", history.back().model_hash},
          {"software_version", kSoftwareVersion},
          {"tasks", TasksToJson(tasks)},
          {"datasets", DatasetsToJson(context)},
          {"history", rounds}};
}

absl::Status WriteModels(const std::string& folder, const RunContext& context,
                         const std::string& hash, const ModelSet& models) {
  RETURN_IF_ERROR(EnsureWritableFolder(folder));
  for (const auto& [dataset, state] : models.globals) {
    FileMetadata metadata = MetadataOf(context.datasets.at(dataset));
    metadata["model_hash"] = hash;
    const std::string path = absl::StrCat(folder, "/", dataset, ".safetensors");
    RETURN_IF_ERROR(WriteSafetensors(path, state, metadata));
  }
  return absl::OkStatus();
}

absl::Status WriteRunResult(const std::string& folder, const RunContext& context,
                            const nlohmann::json& result, const ModelSet& models) {
  RETURN_IF_ERROR(
      WriteModels(folder + "/models", context, result.at("model_hash").get<std::string>(), models));
  return WriteFileAtomically(folder + "/result.json", result.dump(2, ' ', false, kReplace) + "\n");
}

}  // namespace tributary
