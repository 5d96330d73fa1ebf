#include "server/evaluation/client_metrics.h"

#include <vector>

#include "common/base/status_macros.h"
#include "common/config/metric_names.h"
#include "server/evaluation/task_metrics.h"

namespace tributary {
namespace {

nlohmann::json HeadlinesOf(const TaskMetrics& metrics) {
  nlohmann::json json = {{"samples", metrics.samples}};
  for (const MetricName& metric : kMetricNames) {
    const auto value = MetricValue(metrics, metric.name);
    if (value.has_value()) json[std::string(metric.name)] = *value;
  }
  return json;
}

}  // namespace

absl::StatusOr<nlohmann::json> ClientMetricsToJson(
    const std::map<std::string, TaskCounts>& clients) {
  std::vector<TaskCounts> all;
  nlohmann::json by_client = nlohmann::json::object(), best, worst;
  double sum = 0;
  std::string headline;
  for (const auto& [client, counts] : clients) {
    if (counts.samples == 0) continue;
    all.push_back(counts);
    headline =
        std::string(counts.retrieval.has_value() ? kRetrievalHeadline : kClassificationHeadline);
    by_client[client] = HeadlinesOf(MetricsOf(counts));
    const double value = by_client[client].value(headline, 0.0);
    sum += value;
    const nlohmann::json here = {{"client", client}, {"value", value}};
    if (best.is_null() || value > best["value"].get<double>()) best = here;
    if (worst.is_null() || value < worst["value"].get<double>()) worst = here;
  }
  if (all.empty()) {
    return absl::InvalidArgumentError("client metrics: no client has samples to evaluate on");
  }
  ASSIGN_OR_RETURN(const TaskCounts merged, SumCounts(all));
  return nlohmann::json{{"metric", headline},
                        {"merged", ToJson(MetricsOf(merged))},
                        {"mean", sum / static_cast<double>(all.size())},
                        {"best", best},
                        {"worst", worst},
                        {"by_client", by_client}};
}

}  // namespace tributary
