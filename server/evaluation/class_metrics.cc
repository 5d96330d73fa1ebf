#include "server/evaluation/class_metrics.h"

#include <cmath>

namespace tributary {
namespace {

// Of one class: how many samples are of it, are predicted as it, and both.
struct ClassTotals {
  int64_t of_class = 0, predicted = 0, both = 0;
};

std::vector<ClassTotals> TotalsOf(const ClassCounts& counts) {
  const auto classes = static_cast<size_t>(counts.classes);
  std::vector<ClassTotals> totals(classes);
  for (size_t row = 0; row < classes; ++row) {
    for (size_t column = 0; column < classes; ++column) {
      const int64_t count = counts.confusion[row * classes + column];
      totals[row].of_class += count;
      totals[column].predicted += count;
      if (row == column) totals[row].both += count;
    }
  }
  return totals;
}

double BalancedAccuracy(const std::vector<ClassTotals>& totals) {
  double sum = 0;
  int present = 0;
  for (const ClassTotals& one : totals) {
    if (one.of_class == 0) continue;
    sum += static_cast<double>(one.both) / static_cast<double>(one.of_class);
    ++present;
  }
  return 100 * sum / present;
}

double MacroF1(const std::vector<ClassTotals>& totals) {
  double sum = 0;
  int occurring = 0;
  for (const ClassTotals& one : totals) {
    const int64_t total = one.of_class + one.predicted;
    if (total == 0) continue;
    sum += 2 * static_cast<double>(one.both) / static_cast<double>(total);
    ++occurring;
  }
  return 100 * sum / occurring;
}

struct Auroc {
  double value = 0, error = 0;
};

// Of one class from bins. Which of two scores in one bin is larger is not known: such pairs count
// half, so that each of them is wrong by half at most. Nothing without positives or negatives.
std::optional<Auroc> BinnedAuroc(const ClassCounts& counts, int64_t label) {
  double negatives_below = 0, positives = 0, ordered = 0, tied = 0;
  for (int64_t bin = 0; bin < kScoreBins; ++bin) {
    const auto at = static_cast<size_t>(label * kScoreBins + bin);
    const auto own = static_cast<double>(counts.positives[at]);
    const auto others = static_cast<double>(counts.negatives[at]);
    ordered += own * negatives_below;
    tied += own * others;
    negatives_below += others;
    positives += own;
  }
  const double pairs = positives * negatives_below;
  if (pairs == 0) return std::nullopt;
  return Auroc{.value = (ordered + tied / 2) / pairs, .error = tied / 2 / pairs};
}

std::optional<Auroc> ClassAuroc(const ClassCounts& counts, int64_t label) {
  if (counts.auroc.empty()) return BinnedAuroc(counts, label);
  const double exact = counts.auroc[static_cast<size_t>(label)];
  if (std::isnan(exact)) return std::nullopt;
  return Auroc{.value = exact, .error = 0};
}

void AddAuroc(const ClassCounts& counts, ClassificationMetrics* metrics) {
  Auroc sum;
  int defined = 0;
  for (int64_t label = 0; label < counts.classes; ++label) {
    const std::optional<Auroc> one = ClassAuroc(counts, label);
    if (!one.has_value()) continue;
    sum.value += one->value;
    sum.error += one->error;
    ++defined;
  }
  if (defined == 0) return;
  metrics->auroc = sum.value / defined;
  metrics->auroc_error = sum.error / defined;
}

}  // namespace

ClassificationMetrics ClassMetricsOf(const ClassCounts& counts, int64_t samples) {
  ClassificationMetrics metrics{
      .accuracy = 100.0 * static_cast<double>(counts.right) / static_cast<double>(samples),
      .chance_accuracy = 100.0 / static_cast<double>(counts.classes),
      .loss = counts.loss_sum / static_cast<double>(samples)};
  if (counts.confusion.empty()) return metrics;
  const std::vector<ClassTotals> totals = TotalsOf(counts);
  metrics.balanced_accuracy = BalancedAccuracy(totals);
  metrics.macro_f1 = MacroF1(totals);
  AddAuroc(counts, &metrics);
  if (counts.classes <= kMostConfusionClasses) {
    for (int64_t row = 0; row < counts.classes; ++row) {
      const auto begin = counts.confusion.begin() + row * counts.classes;
      metrics.confusion.emplace_back(begin, begin + counts.classes);
    }
  }
  return metrics;
}

}  // namespace tributary
