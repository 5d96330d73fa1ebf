// BestMetric: by what `evaluation.best` judges a run's rounds.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/config/metric_names.h"
#include "common/config/run_config.h"

namespace tributary {

struct BestMetric {
  std::string text;  // as the run file gives it
  std::string dataset;
  MetricName metric;

  bool Better(double value, double than) const {
    return metric.lower_is_better ? value < than : value > than;
  }
};

// Reads "DATASET.METRIC"; a dataset's name may hold dots. InvalidArgument says, as the end of a
// message that begins with the key, what is not so: no such dataset, or no metric of its modality.
absl::StatusOr<BestMetric> ParseBestMetric(absl::string_view text,
                                           const std::vector<DatasetConfig>& datasets);

}  // namespace tributary
