#include "server/evaluation/task_metrics.h"

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
  if (metrics.folds.has_value()) {
    json["r1_sum_1k"] = metrics.folds->i2t.r1 + metrics.folds->t2i.r1;
    json["r1_sum_both"] = metrics.folds->i2t.r1 + metrics.folds->t2i.r1 + metrics.R1Sum();
  }
  return json;
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

}  // namespace tributary
