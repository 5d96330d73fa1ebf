// Retrieval metrics: recall at k in both directions. Source: docs/algorithm.md section 5. Needs no
// LibTorch.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace tributary {

// The metrics of one direction. Recalls are in percent. `median` and `mean` are ranks that count
// from 1, the median rounded down.
struct RecallMetrics {
  double r1 = 0, r5 = 0, r10 = 0;
  double median = 0, mean = 0;
  double Sum() const { return r1 + r5 + r10; }
};

struct RetrievalMetrics {
  RecallMetrics i2t;  // image to text: any of the image's captions counts
  RecallMetrics t2i;
  // Cross entropy in nats, the mean of both directions: of each image to its captions among all
  // captions, of each caption to its image among all images. Similarities times 1 / 0.07, where
  // local training's logit scale starts.
  double loss = 0;
};

// A gallery: rows of norm 1, row-major, `dim` values each. `image_of_text[j]` is the image that
// caption j describes.
struct Gallery {
  int64_t dim = 0;
  std::vector<float> images;
  std::vector<float> texts;
  std::vector<int64_t> image_of_text;

  int64_t image_count() const { return static_cast<int64_t>(images.size()) / dim; }
  int64_t text_count() const { return static_cast<int64_t>(image_of_text.size()); }
};

// Over the whole gallery, which must have images and texts and finite values; similarities in
// float64. An item ranks behind those with a larger similarity and behind half of those with the
// same, so that a model that maps everything to one point does not score. Time:
// O(images * texts * dim); memory: O(texts * dim).
RetrievalMetrics EvaluateRetrieval(const Gallery& gallery);

// The mean over the first `folds` runs of `images_per_fold` consecutive images with their captions;
// images behind the last run are left out. Requires both at least 1, and
// folds * images_per_fold <= image_count().
RetrievalMetrics EvaluateRetrievalFolds(const Gallery& gallery, int64_t folds,
                                        int64_t images_per_fold);

// The recall@1 sum that guessing at random reaches: 200 / images.
double ChanceR1Sum(const Gallery& gallery);

}  // namespace tributary
