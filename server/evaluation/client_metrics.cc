#include "server/evaluation/client_metrics.h"

#include <vector>

namespace tributary {

void AddClientMetrics(const ClientCounts& counts, std::map<std::string, TaskMetrics>* tasks) {
  for (const auto& [dataset, clients] : counts) {
    if (!tasks->contains(dataset)) {
      std::vector<TaskCounts> all;
      for (const auto& [client, counted] : clients) all.push_back(counted);
      // Counts of one dataset that were checked have the same kind and classes.
      const absl::StatusOr<TaskCounts> sum = SumCounts(all);
      if (!sum.ok()) continue;
      (*tasks)[dataset] = MetricsOf(*sum);
    }
    (*tasks)[dataset].clients = ClientMetricsToJson(clients);
  }
}

}  // namespace tributary
