// The metrics of classification from counts. Definitions: task_metrics.h.
//
// Pure functions, thread-safe.
#pragma once

#include "common/train/task_counts.h"
#include "server/evaluation/task_metrics.h"

namespace tributary {

// `samples`: that were counted, at least 1.
ClassificationMetrics ClassMetricsOf(const ClassCounts& counts, int64_t samples);

}  // namespace tributary
