#include "server/evaluation/task_metrics.h"

#include "absl/strings/str_cat.h"
#include "server/evaluation/class_metrics.h"

namespace tributary {
namespace {

nlohmann::json ToJson(const RecallMetrics& recall) {
  return {{"r1", recall.r1}, {"r5", recall.r5}, {"r10", recall.r10}};
}

nlohmann::json ToJson(const ClassificationMetrics& metrics) {
  nlohmann::json json = {{"kind", "classification"},
                         {"accuracy", metrics.accuracy},
                         {"chance_accuracy", metrics.chance_accuracy}};
  if (metrics.loss.has_value()) json["loss"] = *metrics.loss;
  if (metrics.balanced_accuracy.has_value()) {
    json["balanced_accuracy"] = *metrics.balanced_accuracy;
  }
  if (metrics.macro_f1.has_value()) json["macro_f1"] = *metrics.macro_f1;
  if (metrics.auroc.has_value()) {
    json["auroc"] = *metrics.auroc;
    json["auroc_error"] = metrics.auroc_error;
  }
  if (!metrics.confusion.empty()) json["confusion"] = metrics.confusion;
  return json;
}

nlohmann::json ToJson(const GalleryMetrics& metrics) {
  nlohmann::json json = {{"kind", "retrieval"},
                         {"i2t", ToJson(metrics.full.i2t)},
                         {"t2i", ToJson(metrics.full.t2i)},
                         {"r1_sum", metrics.R1Sum()},
                         {"chance_r1_sum", metrics.chance_r1_sum},
                         {"gallery", {{"images", metrics.images}, {"captions", metrics.captions}}}};
  if (metrics.has_loss) json["loss"] = metrics.full.loss;
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
  metrics.has_loss = json.contains("loss");
  if (metrics.has_loss) json.at("loss").get_to(metrics.full.loss);
  json.at("gallery").at("images").get_to(metrics.images);
  json.at("gallery").at("captions").get_to(metrics.captions);
  json.at("chance_r1_sum").get_to(metrics.chance_r1_sum);
  if (json.contains("r1_sum_1k")) metrics.folded_r1_sum = json.at("r1_sum_1k").get<double>();
  return metrics;
}

std::optional<double> NumberFrom(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return std::nullopt;
  return found->get<double>();
}

ClassificationMetrics ClassificationFrom(const nlohmann::json& json) {
  ClassificationMetrics metrics;
  json.at("accuracy").get_to(metrics.accuracy);
  json.at("chance_accuracy").get_to(metrics.chance_accuracy);
  metrics.loss = NumberFrom(json, "loss");
  metrics.balanced_accuracy = NumberFrom(json, "balanced_accuracy");
  metrics.macro_f1 = NumberFrom(json, "macro_f1");
  metrics.auroc = NumberFrom(json, "auroc");
  metrics.auroc_error = NumberFrom(json, "auroc_error").value_or(0);
  if (json.contains("confusion")) json.at("confusion").get_to(metrics.confusion);
  return metrics;
}

// Percent of queries that are hits.
RecallMetrics RecallOf(const RecallCounts& counts) {
  const double percent = 100 / static_cast<double>(counts.queries);
  return {
      .r1 = percent * counts.hits1, .r5 = percent * counts.hits5, .r10 = percent * counts.hits10};
}

TaskMetrics TaskFrom(const nlohmann::json& json) {
  TaskMetrics metrics;
  json.at("samples").get_to(metrics.samples);
  if (json.at("kind") == "retrieval") {
    metrics.retrieval = GalleryFrom(json);
  } else {
    metrics.classification = ClassificationFrom(json);
  }
  if (const auto clients = json.find("clients"); clients != json.end()) metrics.clients = *clients;
  return metrics;
}

}  // namespace

TaskMetrics MetricsOf(const TaskCounts& counts) {
  TaskMetrics metrics{.samples = counts.samples};
  if (counts.classification.has_value()) {
    metrics.classification = ClassMetricsOf(*counts.classification, counts.samples);
  }
  if (counts.retrieval.has_value()) {
    const RetrievalCounts& retrieval = *counts.retrieval;
    metrics.retrieval = GalleryMetrics{
        .full = {.i2t = RecallOf(retrieval.i2t),
                 .t2i = RecallOf(retrieval.t2i),
                 .loss = retrieval.loss_sum / static_cast<double>(retrieval.captions)},
        .images = retrieval.images,
        .captions = retrieval.captions,
        .chance_r1_sum = 200 / static_cast<double>(retrieval.images),
        .has_loss = true,
        .folded_r1_sum = {}};
  }
  return metrics;
}

nlohmann::json ToJson(const TaskMetrics& metrics) {
  nlohmann::json json;
  if (metrics.retrieval.has_value()) {
    json = ToJson(*metrics.retrieval);
  } else if (metrics.classification.has_value()) {
    json = ToJson(*metrics.classification);
  }
  json["samples"] = metrics.samples;
  if (!metrics.clients.is_null()) json["clients"] = metrics.clients;
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

std::optional<double> MetricValue(const TaskMetrics& metrics, absl::string_view name) {
  if (metrics.retrieval.has_value()) {
    if (name == "r1_sum") return metrics.retrieval->R1Sum();
    if (name == "loss" && metrics.retrieval->has_loss) return metrics.retrieval->full.loss;
    return std::nullopt;
  }
  if (!metrics.classification.has_value()) return std::nullopt;
  const ClassificationMetrics& classification = *metrics.classification;
  if (name == "accuracy") return classification.accuracy;
  if (name == "loss") return classification.loss;
  if (name == "balanced_accuracy") return classification.balanced_accuracy;
  if (name == "macro_f1") return classification.macro_f1;
  if (name == "auroc") return classification.auroc;
  return std::nullopt;
}

}  // namespace tributary
