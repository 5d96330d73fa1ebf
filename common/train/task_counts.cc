#include "common/train/task_counts.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"

namespace tributary {
namespace {

absl::Status Wrong(absl::string_view what, const absl::AlphaNum& found,
                   absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("evaluation counts: ", what, " is ", found, "; expected ", expected));
}

absl::Status CheckWhole(absl::string_view what, int64_t found, int64_t most) {
  if (found >= 0 && found <= most) return absl::OkStatus();
  return Wrong(what, found, absl::StrCat("0 to ", most));
}

absl::Status CheckLoss(double sum) {
  if (std::isfinite(sum) && sum >= 0) return absl::OkStatus();
  return Wrong("the sum of the loss", sum, "a finite number that is not negative");
}

// Each at most `samples`, so that no sum of them overflows.
absl::Status CheckList(absl::string_view what, const std::vector<int64_t>& counts, int64_t size,
                       int64_t samples) {
  if (static_cast<int64_t>(counts.size()) != size) {
    return Wrong(absl::StrCat("the length of ", what), counts.size(), absl::StrCat(size));
  }
  for (const int64_t count : counts) RETURN_IF_ERROR(CheckWhole(what, count, samples));
  return absl::OkStatus();
}

// The sum of row `row` of `counts`, [rows, width].
int64_t RowSum(const std::vector<int64_t>& counts, int64_t row, int64_t width) {
  const auto begin = counts.begin() + row * width;
  return std::accumulate(begin, begin + width, int64_t{0});
}

absl::Status CheckClass(const ClassCounts& counts, int64_t label, int64_t samples) {
  const int64_t positives = RowSum(counts.confusion, label, counts.classes);
  const int64_t in_bins = RowSum(counts.positives, label, kScoreBins);
  if (in_bins != positives) {
    return Wrong(absl::StrCat("the sum of positives of class ", label), in_bins,
                 absl::StrCat(positives, ", as in the confusion matrix"));
  }
  const int64_t others = RowSum(counts.negatives, label, kScoreBins);
  if (others != samples - positives) {
    return Wrong(absl::StrCat("the sum of negatives of class ", label), others,
                 absl::StrCat(samples - positives, ", all samples but its positives"));
  }
  if (counts.auroc.empty()) return absl::OkStatus();
  const double auroc = counts.auroc[static_cast<size_t>(label)];
  if (positives == 0 || others == 0) {
    if (std::isnan(auroc)) return absl::OkStatus();
    return Wrong(absl::StrCat("the AUROC of class ", label), auroc,
                 "NaN, since it has no positives or no negatives");
  }
  if (auroc >= 0 && auroc <= 1) return absl::OkStatus();
  return Wrong(absl::StrCat("the AUROC of class ", label), auroc, "0 to 1");
}

absl::Status CheckClasses(const ClassCounts& counts, int64_t classes, int64_t samples) {
  if (counts.classes != classes) {
    return Wrong("the number of classes", counts.classes, absl::StrCat(classes));
  }
  RETURN_IF_ERROR(CheckWhole("right", counts.right, samples));
  RETURN_IF_ERROR(CheckLoss(counts.loss_sum));
  const int64_t listed = classes > kMostCountedClasses ? 0 : classes;
  RETURN_IF_ERROR(CheckList("confusion", counts.confusion, listed * listed, samples));
  RETURN_IF_ERROR(CheckList("positives", counts.positives, listed * kScoreBins, samples));
  RETURN_IF_ERROR(CheckList("negatives", counts.negatives, listed * kScoreBins, samples));
  if (!counts.auroc.empty() && static_cast<int64_t>(counts.auroc.size()) != listed) {
    return Wrong("the length of auroc", counts.auroc.size(), absl::StrCat("0 or ", listed));
  }
  if (listed == 0) return absl::OkStatus();
  const int64_t seen =
      std::accumulate(counts.confusion.begin(), counts.confusion.end(), int64_t{0});
  if (seen != samples) {
    return Wrong("the sum of confusion", seen, absl::StrCat(samples, ", the number of samples"));
  }
  int64_t diagonal = 0;
  for (int64_t label = 0; label < classes; ++label) {
    diagonal += counts.confusion[static_cast<size_t>(label * (classes + 1))];
    RETURN_IF_ERROR(CheckClass(counts, label, samples));
  }
  if (diagonal == counts.right) return absl::OkStatus();
  return Wrong("right", counts.right, absl::StrCat(diagonal, ", the diagonal of confusion"));
}

absl::Status CheckRecall(absl::string_view direction, const RecallCounts& counts, int64_t queries) {
  if (counts.queries != queries) {
    return Wrong(absl::StrCat(direction, " queries"), counts.queries, absl::StrCat(queries));
  }
  double least = 0;
  for (const double hits : {counts.hits1, counts.hits5, counts.hits10}) {
    // Also false for NaN.
    if (!(hits >= least && hits <= static_cast<double>(queries)) || hits != std::floor(hits)) {
      return Wrong(absl::StrCat(direction, " hits"), hits,
                   absl::StrCat("a whole number from ", least, " to ", queries,
                                ": no fewer hits among more"));
    }
    least = hits;
  }
  return absl::OkStatus();
}

absl::Status CheckGallery(const RetrievalCounts& counts, int64_t samples) {
  if (counts.captions != samples) {
    return Wrong("captions", counts.captions, absl::StrCat(samples, ", the number of samples"));
  }
  RETURN_IF_ERROR(CheckWhole("images", counts.images, counts.captions));
  if (counts.images == 0 && counts.captions > 0) return Wrong("images", 0, "at least 1");
  RETURN_IF_ERROR(CheckLoss(counts.loss_sum));
  RETURN_IF_ERROR(CheckRecall("image to text", counts.i2t, counts.images));
  return CheckRecall("text to image", counts.t2i, counts.captions);
}

void Add(const std::vector<int64_t>& from, std::vector<int64_t>* to) {
  std::transform(from.begin(), from.end(), to->begin(), to->begin(), std::plus<>());
}

void Add(const ClassCounts& from, ClassCounts* to) {
  to->right += from.right;
  to->loss_sum += from.loss_sum;
  Add(from.confusion, &to->confusion);
  Add(from.positives, &to->positives);
  Add(from.negatives, &to->negatives);
}

void Add(const RecallCounts& from, RecallCounts* to) {
  to->queries += from.queries;
  to->hits1 += from.hits1;
  to->hits5 += from.hits5;
  to->hits10 += from.hits10;
}

void Add(const RetrievalCounts& from, RetrievalCounts* to) {
  Add(from.i2t, &to->i2t);
  Add(from.t2i, &to->t2i);
  to->images += from.images;
  to->captions += from.captions;
  to->loss_sum += from.loss_sum;
}

// All of `counts` have counts of classification.
ClassCounts SumClasses(absl::Span<const TaskCounts> counts) {
  ClassCounts sum = *counts.front().classification;
  int64_t samples = counts.front().samples;
  for (const TaskCounts& more : counts.subspan(1)) {
    // What has no samples changes nothing, so the other's AUROC stays exact.
    if (samples == 0) {
      sum.auroc = more.classification->auroc;
    } else if (more.samples > 0) {
      sum.auroc.clear();
    }
    Add(*more.classification, &sum);
    samples += more.samples;
  }
  return sum;
}

// All of `counts` have counts of retrieval.
RetrievalCounts SumRetrievals(absl::Span<const TaskCounts> counts) {
  RetrievalCounts sum;
  for (const TaskCounts& more : counts) Add(*more.retrieval, &sum);
  return sum;
}

bool Alike(const TaskCounts& a, const TaskCounts& b) {
  if (a.classification.has_value() != b.classification.has_value()) return false;
  if (a.retrieval.has_value() != b.retrieval.has_value()) return false;
  return !a.classification.has_value() ||
         (a.classification->classes == b.classification->classes &&
          a.classification->confusion.size() == b.classification->confusion.size() &&
          a.classification->positives.size() == b.classification->positives.size() &&
          a.classification->negatives.size() == b.classification->negatives.size());
}

RecallCounts HitsOf(const RecallMetrics& recall, int64_t queries) {
  // Percent back to hits: whole numbers but for the rounding of the sum that percent are.
  const auto hits = [&](double percent) {
    return std::round(percent * static_cast<double>(queries) / 100);
  };
  return {.queries = queries,
          .hits1 = hits(recall.r1),
          .hits5 = hits(recall.r5),
          .hits10 = hits(recall.r10)};
}

}  // namespace

RetrievalCounts CountRetrieval(const Gallery& gallery) {
  const RetrievalMetrics metrics = EvaluateRetrieval(gallery);
  const int64_t images = gallery.image_count(), captions = gallery.text_count();
  return {.i2t = HitsOf(metrics.i2t, images),
          .t2i = HitsOf(metrics.t2i, captions),
          .images = images,
          .captions = captions,
          .loss_sum = metrics.loss * static_cast<double>(captions)};
}

absl::Status CheckCounts(const TaskCounts& counts, int64_t classes) {
  RETURN_IF_ERROR(CheckWhole("samples", counts.samples, kMostCountedSamples));
  const bool pairs = classes == 0;
  if (counts.classification.has_value() == pairs || counts.retrieval.has_value() != pairs) {
    return absl::InvalidArgumentError(
        absl::StrCat("evaluation counts: expected those of ",
                     pairs ? "retrieval, and no others" : "classification, and no others"));
  }
  if (pairs) return CheckGallery(*counts.retrieval, counts.samples);
  return CheckClasses(*counts.classification, classes, counts.samples);
}

absl::StatusOr<TaskCounts> SumCounts(absl::Span<const TaskCounts> counts) {
  if (counts.empty()) return absl::InvalidArgumentError("evaluation counts: nothing to add");
  TaskCounts sum;
  for (const TaskCounts& one : counts) {
    if (!Alike(counts.front(), one)) {
      return absl::InvalidArgumentError(
          "evaluation counts: those of one dataset differ in kind or number of classes");
    }
    sum.samples += one.samples;
  }
  if (counts.front().classification.has_value()) sum.classification = SumClasses(counts);
  if (counts.front().retrieval.has_value()) sum.retrieval = SumRetrievals(counts);
  return sum;
}

}  // namespace tributary
