#include "server/evaluation/client_counts.h"

#include <utility>
#include <vector>

#include "server/evaluation/client_metrics.h"

namespace tributary {

void AddClientMetrics(const ClientCounts& counts, std::map<std::string, TaskMetrics>* tasks) {
  for (const auto& [dataset, clients] : counts) {
    // Counts of one dataset that were checked have the same kind and classes, and samples.
    absl::StatusOr<nlohmann::json> metrics = ClientMetricsToJson(clients);
    if (!metrics.ok()) continue;
    if (!tasks->contains(dataset)) {
      std::vector<TaskCounts> all;
      for (const auto& [client, counted] : clients) all.push_back(counted);
      const absl::StatusOr<TaskCounts> sum = SumCounts(all);
      if (!sum.ok()) continue;
      (*tasks)[dataset] = MetricsOf(*sum);
    }
    (*tasks)[dataset].clients = *std::move(metrics);
  }
}

}  // namespace tributary
