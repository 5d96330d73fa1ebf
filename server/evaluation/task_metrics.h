// TaskMetrics: how good a global model is on its held-out data; and the one place where that
// becomes JSON and is read back: `tasks` of result.json, of events and of the run store. Source:
// docs/algorithm.md section 5; docs/events.md, "result.json".
//
// Pure values and functions, thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/train/retrieval.h"
#include "common/train/task_counts.h"

namespace tributary {

// The confusion matrix of more classes is not written.
inline constexpr int64_t kMostConfusionClasses = 100;

// Of one uni-modal global. Where the model has more than kMostCountedClasses classes, only accuracy
// and loss are known; records of version 0.1.0 have only accuracy.
struct ClassificationMetrics {
  double accuracy = 0;              // top 1, in percent
  double chance_accuracy = 0;       // 100 / classes
  std::optional<double> loss = {};  // cross entropy in nats, mean over samples
  // Recall of each class that has samples, mean over them, in percent.
  std::optional<double> balanced_accuracy = {};
  // F1 of each class that is true or predicted for a sample, mean over them, in percent.
  std::optional<double> macro_f1 = {};
  // From 0 to 1: area under the ROC curve of each class against the rest, mean over the classes
  // that have positives and negatives; nothing if there is none. The exact value is at most
  // `auroc_error` away, which is 0 where it is exact.
  std::optional<double> auroc = {};
  double auroc_error = 0;
  // [classes][classes], row: true class; empty beyond kMostConfusionClasses.
  std::vector<std::vector<int64_t>> confusion = {};
};

// Of a pair global over its gallery, recalls in percent.
struct GalleryMetrics {
  RetrievalMetrics full;
  int64_t images = 0, captions = 0;
  double chance_r1_sum = 0;
  bool has_loss = false;  // whether full.loss is known; records of version 0.1.0 have none
  // Recall@1 of both directions added, mean over five folds of 1,000 images; galleries of 5,000
  // images have it.
  std::optional<double> folded_r1_sum;

  // Recall@1 of both directions added.
  double R1Sum() const { return full.i2t.r1 + full.t2i.r1; }
};

// Exactly one of classification and retrieval is set.
// NOLINTNEXTLINE(bugprone-exception-escape): moving a json throws nothing.
struct TaskMetrics {
  int64_t samples = 0;
  std::optional<ClassificationMetrics> classification = {};
  std::optional<GalleryMetrics> retrieval = {};
  // Where clients evaluated too: what ClientMetricsToJson() returned; else null.
  nlohmann::json clients = nullptr;
};

// The metrics of counts that CheckCounts() accepts and that have samples. Definitions are
// scikit-learn's: balanced_accuracy_score, f1_score(average="macro", zero_division=0),
// roc_auc_score(multi_class="ovr", average="macro") where that is defined, log_loss. Ranks of
// retrieval are 0: counts do not hold them. Recalls of counts that were added are those of the
// owners' own galleries, weighted by queries, and chance that of a mean gallery.
TaskMetrics MetricsOf(const TaskCounts& counts);

// {kind: "classification", samples, accuracy, chance_accuracy} with loss, balanced_accuracy,
// macro_f1, auroc, auroc_error, confusion as far as they are known, or {kind: "retrieval", samples,
// i2t{r1,r5,r10}, t2i{...}, r1_sum, chance_r1_sum, gallery{images, captions}}, with loss, and with
// folds r1_sum_1k and r1_sum_both. Either with `clients` if there are any.
nlohmann::json ToJson(const TaskMetrics& metrics);

// By dataset; {} for none.
nlohmann::json TasksToJson(const std::map<std::string, TaskMetrics>& tasks);
// The inverse: what it returns is written as the same text. Median and mean ranks, which are not
// written, are 0. InvalidArgument names what is not as TasksToJson() writes it.
absl::StatusOr<std::map<std::string, TaskMetrics>> TasksFromJson(const nlohmann::json& tasks);

// A metric by its key in the JSON, one of common/config/metric_names.h; nothing if `metrics` does
// not have it.
std::optional<double> MetricValue(const TaskMetrics& metrics, absl::string_view name);

}  // namespace tributary
