// TaskMetrics: how good a global model is on its held-out data, and how that is written down.
// Source: algorithm.md section 5; design.md, "Contracts that other tools rely on".
#pragma once

#include <cstdint>
#include <optional>

#include <nlohmann/json.hpp>

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
  std::optional<RetrievalMetrics> folds;  // galleries of 5,000 images: mean over five of 1,000

  // Recall@1 of both directions added.
  double R1Sum() const { return full.i2t.r1 + full.t2i.r1; }
};

// Exactly one of the two is set.
struct TaskMetrics {
  int64_t samples = 0;
  std::optional<ClassificationMetrics> classification;
  std::optional<GalleryMetrics> retrieval;
};

// {kind: "classification", samples, accuracy, chance_accuracy} or {kind: "retrieval", samples,
// i2t{r1,r5,r10}, t2i{...}, r1_sum, chance_r1_sum, gallery{images, captions}} and, with folds,
// r1_sum_1k and r1_sum_both.
nlohmann::json ToJson(const TaskMetrics& metrics);

}  // namespace tributary
