#include "common/train/score_counter.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace tributary {
namespace {

// Fills `powers` with exp(logit - the highest logit), each over their sum the softmax; returns the
// sum. Nothing overflows, and scores near 1 keep their order as far as float64 tells them apart.
double Powers(absl::Span<const float> logits, std::vector<double>* powers) {
  const double most = *std::max_element(logits.begin(), logits.end());
  powers->clear();
  double sum = 0;
  for (const float logit : logits) {
    powers->push_back(std::exp(logit - most));
    sum += powers->back();
  }
  return sum;
}

size_t BinOf(double score) {
  const auto bin = static_cast<int64_t>(score * static_cast<double>(kScoreBins));
  return static_cast<size_t>(std::clamp<int64_t>(bin, 0, kScoreBins - 1));  // a score may be 1
}

}  // namespace

double AreaUnderRoc(std::vector<double>* positives, std::vector<double>* negatives) {
  if (positives->empty() || negatives->empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(positives->begin(), positives->end());
  std::sort(negatives->begin(), negatives->end());
  // Both pointers into the negatives only move on, since the positives rise.
  auto below = negatives->begin(), not_above = negatives->begin();
  double twice = 0;  // twice the pairs in the right order: ties count 1
  for (const double score : *positives) {
    while (below != negatives->end() && *below < score) ++below;
    while (not_above != negatives->end() && *not_above <= score) ++not_above;
    twice += static_cast<double>((below - negatives->begin()) + (not_above - negatives->begin()));
  }
  const double pairs =
      static_cast<double>(positives->size()) * static_cast<double>(negatives->size());
  return twice / (2 * pairs);
}

ScoreCounter::ScoreCounter(int64_t classes) {
  counts_.classes = classes;
  if (classes > kMostCountedClasses) return;
  const auto size = static_cast<size_t>(classes);
  counts_.confusion.resize(size * size);
  counts_.positives.resize(size * static_cast<size_t>(kScoreBins));
  counts_.negatives.resize(size * static_cast<size_t>(kScoreBins));
}

void ScoreCounter::Add(absl::Span<const float> logits, absl::Span<const int64_t> labels) {
  const auto classes = static_cast<size_t>(counts_.classes);
  std::vector<double> powers;
  for (size_t i = 0; i < labels.size(); ++i) {
    const absl::Span<const float> row = logits.subspan(i * classes, classes);
    const auto label = static_cast<size_t>(labels[i]);
    const auto predicted =
        static_cast<size_t>(std::max_element(row.begin(), row.end()) - row.begin());
    const double sum = Powers(row, &powers);
    if (predicted == label) ++counts_.right;
    counts_.loss_sum += std::log(sum) + (double{row[predicted]} - double{row[label]});
    if (counts_.confusion.empty()) continue;
    ++counts_.confusion[label * classes + predicted];
    for (size_t c = 0; c < classes; ++c) {
      const double score = powers[c] / sum;
      scores_.push_back(score);
      auto& bins = c == label ? counts_.positives : counts_.negatives;
      ++bins[c * static_cast<size_t>(kScoreBins) + BinOf(score)];
    }
    labels_.push_back(labels[i]);
  }
}

ClassCounts ScoreCounter::Finish() && {
  if (counts_.confusion.empty()) return std::move(counts_);
  const auto classes = static_cast<size_t>(counts_.classes);
  std::vector<double> positives, negatives;  // their memory serves each class
  for (size_t c = 0; c < classes; ++c) {
    positives.clear();
    negatives.clear();
    for (size_t i = 0; i < labels_.size(); ++i) {
      const bool own = static_cast<size_t>(labels_[i]) == c;
      (own ? positives : negatives).push_back(scores_[i * classes + c]);
    }
    counts_.auroc.push_back(AreaUnderRoc(&positives, &negatives));
  }
  return std::move(counts_);
}

}  // namespace tributary
