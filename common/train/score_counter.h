// ScoreCounter: counts what a classifier's scores say of labelled samples. Needs no LibTorch.
//
// Scores are kept until the end, since an exact AUROC ranks all of them: 8 bytes for each sample
// and class, up to kMostCountedClasses classes. Above that they are not.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/train/task_counts.h"

namespace tributary {

class ScoreCounter {
 public:
  explicit ScoreCounter(int64_t classes);

  // `logits`: [labels.size(), classes], finite. `labels`: each in [0, classes). The first of equal
  // highest scores is the predicted class.
  void Add(absl::Span<const float> logits, absl::Span<const int64_t> labels);

  // What was added. Softmax in float64. AUROC by ranks, scores that are equal counted half
  // (Mann-Whitney). Time: O(samples * classes * log(samples)).
  ClassCounts Finish() &&;

 private:
  ClassCounts counts_;
  std::vector<double> scores_;   // softmax, [samples, classes]; none above kMostCountedClasses
  std::vector<int64_t> labels_;  // [samples]
};

// The probability that a score of `positives` is above one of `negatives`, ties counted half. NaN
// if one of them is empty. Sorts both.
double AreaUnderRoc(std::vector<double>* positives, std::vector<double>* negatives);

}  // namespace tributary
