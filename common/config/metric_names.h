// The metrics that a run may be judged by: their keys in result.json and in `evaluation.best`.
#pragma once

#include <array>

#include "absl/strings/string_view.h"

namespace tributary {

struct MetricName {
  absl::string_view name;
  bool of_classification, of_retrieval;
  bool lower_is_better;
};

inline constexpr absl::string_view kClassificationHeadline = "accuracy";
inline constexpr absl::string_view kRetrievalHeadline = "r1_sum";

inline constexpr std::array<MetricName, 6> kMetricNames = {{
    {kClassificationHeadline, true, false, false},
    {"balanced_accuracy", true, false, false},
    {"macro_f1", true, false, false},
    {"auroc", true, false, false},
    {kRetrievalHeadline, false, true, false},
    {"loss", true, true, true},
}};

}  // namespace tributary
