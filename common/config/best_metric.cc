#include "common/config/best_metric.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tributary {

absl::StatusOr<BestMetric> ParseBestMetric(absl::string_view text,
                                           const std::vector<DatasetConfig>& datasets) {
  const size_t dot = text.rfind('.');
  const absl::string_view name = text.substr(0, dot);
  const auto dataset = std::find_if(datasets.begin(), datasets.end(),
                                    [&](const DatasetConfig& one) { return one.name == name; });
  if (dot == absl::string_view::npos || dataset == datasets.end()) {
    const auto names = absl::StrJoin(
        datasets, ", ", [](std::string* out, const auto& one) { absl::StrAppend(out, one.name); });
    return absl::InvalidArgumentError(absl::StrCat(
        "is \"", text, "\"; it must be DATASET.METRIC with a dataset of this run (", names, ")"));
  }
  std::vector<absl::string_view> fitting;
  for (const MetricName& metric : kMetricNames) {
    const bool fits =
        dataset->modality == Modality::kPair ? metric.of_retrieval : metric.of_classification;
    if (!fits) continue;
    if (metric.name == text.substr(dot + 1)) {
      return BestMetric{.text = std::string(text), .dataset = dataset->name, .metric = metric};
    }
    fitting.push_back(metric.name);
  }
  return absl::InvalidArgumentError(absl::StrCat("is \"", text, "\"; the metrics of ", name,
                                                 " are ", absl::StrJoin(fitting, ", ")));
}

}  // namespace tributary
