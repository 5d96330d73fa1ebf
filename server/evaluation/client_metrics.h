// What several clients' own evaluations come to.
//
// Pure functions, thread-safe.
#pragma once

#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "common/train/task_counts.h"

namespace tributary {

// `clients`: by name, of one dataset, as CheckCounts() accepts them; at least one has samples.
//
//   {"metric": "accuracy" | "r1_sum",            the headline that the figures below are of
//    "merged": {...},                            all counts added: what ToJson(TaskMetrics) writes
//    "mean": 61.5,                               over clients, each the same whatever its samples
//    "best": {"client": "a", "value": 70.0}, "worst": {...},    of equals the first by name
//    "by_client": {"a": {"samples": 40, "accuracy": 70.0, ...}}}
//
// by_client holds, as far as they are known, accuracy, loss, balanced_accuracy, macro_f1 and auroc,
// or r1_sum and loss. Clients without samples are left out. InvalidArgument: no client has samples,
// or counts are of different kinds.
absl::StatusOr<nlohmann::json> ClientMetricsToJson(
    const std::map<std::string, TaskCounts>& clients);

}  // namespace tributary
