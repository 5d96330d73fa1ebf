// TaskCounts: what evaluating one model on one owner's samples counts. From counts alone come the
// metrics of one owner and, by adding, those of several; no sample can be told from them. Source:
// docs/algorithm.md section 5. Needs no LibTorch.
//
// Pure values and functions, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/train/retrieval.h"

namespace tributary {

// Softmax scores are counted in this many bins of equal width from 0 to 1.
inline constexpr int64_t kScoreBins = 256;
// Of a model with more classes only `right` and the loss are counted: its confusion matrix would
// take more than the model's own scores are worth sending for.
inline constexpr int64_t kMostCountedClasses = 256;
// Of one owner: no sum over a run's owners can overflow.
inline constexpr int64_t kMostCountedSamples = int64_t{1} << 40;

// Of a uni-modal model. Above kMostCountedClasses, `confusion`, `positives`, `negatives` and
// `auroc` are empty.
struct ClassCounts {
  int64_t classes = 0;
  int64_t right = 0;                    // whose highest score is the true class's
  double loss_sum = 0;                  // cross entropy in nats
  std::vector<int64_t> confusion = {};  // [classes * classes], row: true class, column: predicted
  // [classes * kScoreBins]: the scores of each class, by bin, of its own and of all other samples.
  std::vector<int64_t> positives = {};
  std::vector<int64_t> negatives = {};
  // [classes]: area under the ROC curve, one against the rest, exact over these samples; NaN where
  // the class has no positives or no negatives. Empty where counts were added: it cannot be.
  std::vector<double> auroc = {};
};

// Of one direction of retrieval. An item that shares its similarity with others ranks behind half
// of them (common/train/retrieval.h), so a query is a hit or none, and hits are whole numbers.
struct RecallCounts {
  int64_t queries = 0;
  double hits1 = 0, hits5 = 0, hits10 = 0;
};

// Of a pair model. Recalls depend on the gallery: adding counts the owners' queries, each within
// its owner's gallery.
struct RetrievalCounts {
  RecallCounts i2t = {}, t2i = {};
  int64_t images = 0, captions = 0;
  double loss_sum = 0;  // RetrievalMetrics::loss times `captions`
};

// Exactly one of the two is set.
struct TaskCounts {
  int64_t samples = 0;
  std::optional<ClassCounts> classification = {};
  std::optional<RetrievalCounts> retrieval = {};
};

// What retrieval over `gallery` counts: EvaluateRetrieval() as counts.
RetrievalCounts CountRetrieval(const Gallery& gallery);

// For counts that come from a peer. `classes`: of the dataset; 0: of a dataset of pairs.
// InvalidArgument names the count that is not what a run over samples can have counted: of another
// size, negative, not finite, or at odds with the number of samples.
absl::Status CheckCounts(const TaskCounts& counts, int64_t classes);

// The sum of counts that CheckCounts() has accepted for the same dataset. The exact AUROC is kept
// only if no more than one of them has samples. InvalidArgument: nothing to add, or counts of
// different kinds or numbers of classes.
absl::StatusOr<TaskCounts> SumCounts(absl::Span<const TaskCounts> counts);

}  // namespace tributary
