#include "server/evaluation/task_metrics.h"

#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

nlohmann::json ToJson(const RecallMetrics& recall) {
  return {{"r1", recall.r1}, {"r5", recall.r5}, {"r10", recall.r10}};
}

nlohmann::json ToJson(const GalleryMetrics& metrics) {
  nlohmann::json json = {{"kind", "retrieval"},
                         {"i2t", ToJson(metrics.full.i2t)},
                         {"t2i", ToJson(metrics.full.t2i)},
                         {"r1_sum", metrics.R1Sum()},
                         {"chance_r1_sum", metrics.chance_r1_sum},
                         {"gallery", {{"images", metrics.images}, {"captions", metrics.captions}}}};
  if (metrics.folded_r1_sum.has_value()) {
    json["r1_sum_1k"] = *metrics.folded_r1_sum;
    json["r1_sum_both"] = *metrics.folded_r1_sum + metrics.R1Sum();
  }
  return json;
}

RecallMetrics RecallFrom(const nlohmann::json& json) {
  RecallMetrics recall;
  json.at("r1").get_to(recall.r1);
  json.at("r5").get_to(recall.r5);
  json.at("r10").get_to(recall.r10);
  return recall;
}

GalleryMetrics GalleryFrom(const nlohmann::json& json) {
  GalleryMetrics metrics;
  metrics.full = {.i2t = RecallFrom(json.at("i2t")), .t2i = RecallFrom(json.at("t2i"))};
  json.at("gallery").at("images").get_to(metrics.images);
  json.at("gallery").at("captions").get_to(metrics.captions);
  json.at("chance_r1_sum").get_to(metrics.chance_r1_sum);
  if (json.contains("r1_sum_1k")) metrics.folded_r1_sum = json.at("r1_sum_1k").get<double>();
  return metrics;
}

TaskMetrics TaskFrom(const nlohmann::json& json) {
  TaskMetrics metrics;
  json.at("samples").get_to(metrics.samples);
  if (json.at("kind") == "retrieval") {
    metrics.retrieval = GalleryFrom(json);
  } else {
    metrics.classification.emplace();
    json.at("accuracy").get_to(metrics.classification->accuracy);
    json.at("chance_accuracy").get_to(metrics.classification->chance_accuracy);
  }
  return metrics;
}

}  // namespace

nlohmann::json ToJson(const TaskMetrics& metrics) {
  nlohmann::json json;
  if (metrics.retrieval.has_value()) {
    json = ToJson(*metrics.retrieval);
  } else if (metrics.classification.has_value()) {
    json = {{"kind", "classification"},
            {"accuracy", metrics.classification->accuracy},
            {"chance_accuracy", metrics.classification->chance_accuracy}};
  }
  json["samples"] = metrics.samples;
  return json;
}

nlohmann::json TasksToJson(const std::map<std::string, TaskMetrics>& tasks) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [dataset, metrics] : tasks) json[dataset] = ToJson(metrics);
  return json;
}

absl::StatusOr<std::map<std::string, TaskMetrics>> TasksFromJson(const nlohmann::json& tasks) {
  if (!tasks.is_object()) return absl::InvalidArgumentError("the metrics are no JSON object");
  std::map<std::string, TaskMetrics> result;
  for (const auto& [dataset, metrics] : tasks.items()) {
    try {
      result[dataset] = TaskFrom(metrics);
    } catch (const nlohmann::json::exception& error) {
      return absl::InvalidArgumentError(
          absl::StrCat("the metrics of dataset ", dataset, " cannot be read: ", error.what()));
    }
  }
  return result;
}

}  // namespace tributary
