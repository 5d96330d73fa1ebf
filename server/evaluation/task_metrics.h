// TaskMetrics: how good a global model is on its held-out data; and the one place where that
// becomes JSON and is read back: `tasks` of result.json, of events and of the run store. Source:
// docs/algorithm.md section 5; docs/events.md, "result.json".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "common/train/retrieval.h"

namespace tributary {

// Of one uni-modal global, in percent.
struct ClassificationMetrics {
  double accuracy = 0;         // top 1
  double chance_accuracy = 0;  // 100 / classes
};

// Of a pair global over its gallery, recalls in percent.
struct GalleryMetrics {
  RetrievalMetrics full;
  int64_t images = 0, captions = 0;
  double chance_r1_sum = 0;
  // Recall@1 of both directions added, mean over five folds of 1,000 images; galleries of 5,000
  // images have it.
  std::optional<double> folded_r1_sum;

  // Recall@1 of both directions added.
  double R1Sum() const { return full.i2t.r1 + full.t2i.r1; }
};

// Exactly one of the two is set.
struct TaskMetrics {
  int64_t samples = 0;
  std::optional<ClassificationMetrics> classification = {};
  std::optional<GalleryMetrics> retrieval = {};
};

// {kind: "classification", samples, accuracy, chance_accuracy} or {kind: "retrieval", samples,
// i2t{r1,r5,r10}, t2i{...}, r1_sum, chance_r1_sum, gallery{images, captions}} and, with folds,
// r1_sum_1k and r1_sum_both.
nlohmann::json ToJson(const TaskMetrics& metrics);

// By dataset; {} for none.
nlohmann::json TasksToJson(const std::map<std::string, TaskMetrics>& tasks);
// The inverse: what it returns is written as the same text. Median and mean ranks, which are not
// written, are 0. InvalidArgument names what is not as TasksToJson() writes it.
absl::StatusOr<std::map<std::string, TaskMetrics>> TasksFromJson(const nlohmann::json& tasks);

}  // namespace tributary
