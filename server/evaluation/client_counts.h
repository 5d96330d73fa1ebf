// What clients counted on their own test parts, as metrics.
#pragma once

#include <map>
#include <string>

#include "common/train/task_counts.h"
#include "server/evaluation/task_metrics.h"

namespace tributary {

// Counts by dataset and client.
using ClientCounts = std::map<std::string, std::map<std::string, TaskCounts>>;

// Puts each client's metrics into TaskMetrics::clients of its dataset. A dataset that `tasks` does
// not have, since the coordinator does not evaluate, gets the metrics of all clients' counts added
// up. The counts must have passed CheckCounts().
void AddClientMetrics(const ClientCounts& counts, std::map<std::string, TaskMetrics>* tasks);

}  // namespace tributary
