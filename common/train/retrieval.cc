#include "common/train/retrieval.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace tributary {
namespace {

constexpr double kLogitScale = 1 / 0.07;

// Similarities of one image with all texts.
class Scorer {
 public:
  explicit Scorer(const Gallery& gallery)
      : gallery_(gallery), columns_(gallery.texts.size()), scores_(Texts()) {
    // Transposed, [dim, texts]: the inner loop of Of() then runs over texts, whose sums are
    // independent of each other and can be vectorised without changing the order of any sum.
    const auto dim = static_cast<size_t>(gallery.dim);
    for (size_t j = 0; j < Texts(); ++j) {
      for (size_t d = 0; d < dim; ++d) columns_[d * Texts() + j] = gallery.texts[j * dim + d];
    }
  }

  // Valid until the next call.
  const std::vector<double>& Of(int64_t image) {
    std::fill(scores_.begin(), scores_.end(), 0.0);
    for (int64_t d = 0; d < gallery_.dim; ++d) {
      const double value = gallery_.images[static_cast<size_t>(image * gallery_.dim + d)];
      const double* column = &columns_[static_cast<size_t>(d) * Texts()];
      for (size_t j = 0; j < Texts(); ++j) scores_[j] += value * column[j];
    }
    return scores_;
  }

 private:
  size_t Texts() const { return gallery_.image_of_text.size(); }

  const Gallery& gallery_;
  std::vector<double> columns_;
  std::vector<double> scores_;
};

// How many items are more similar than a given one, and how many are equally similar.
struct Place {
  int64_t ahead = 0, beside = 0;
  void Count(double other, double mine) {
    if (other > mine) ++ahead;
    if (other == mine) ++beside;
  }
  // Half of the equals count as ahead. A model that maps everything to one point thus ranks in the
  // middle, where sorting would have put the right answer first by chance of order.
  int64_t Rank() const { return ahead + beside / 2; }
};

std::vector<int64_t> Ranks(const std::vector<Place>& places) {
  std::vector<int64_t> ranks;
  ranks.reserve(places.size());
  for (const Place& place : places) ranks.push_back(place.Rank());
  return ranks;
}

// The similarity of each text with its own image.
std::vector<double> OwnScores(const Gallery& gallery, Scorer* scorer) {
  std::vector<double> own(gallery.image_of_text.size());
  for (int64_t image = 0; image < gallery.image_count(); ++image) {
    const std::vector<double>& scores = scorer->Of(image);
    for (size_t j = 0; j < own.size(); ++j) {
      if (gallery.image_of_text[j] == image) own[j] = scores[j];
    }
  }
  return own;
}

RecallMetrics FromRanks(std::vector<int64_t> ranks) {
  RecallMetrics metrics;
  const auto count = static_cast<double>(ranks.size());
  for (const int64_t rank : ranks) {
    metrics.r1 += rank < 1 ? 100 / count : 0;
    metrics.r5 += rank < 5 ? 100 / count : 0;
    metrics.r10 += rank < 10 ? 100 / count : 0;
    metrics.mean += static_cast<double>(rank) / count;
  }
  metrics.mean += 1;
  std::sort(ranks.begin(), ranks.end());
  const size_t middle = ranks.size() / 2;
  const double median = ranks.size() % 2 == 1
                            ? static_cast<double>(ranks[middle])
                            : static_cast<double>(ranks[middle - 1] + ranks[middle]) / 2;
  metrics.median = std::floor(median) + 1;
  return metrics;
}

void Add(const RecallMetrics& from, double weight, RecallMetrics* to) {
  to->r1 += weight * from.r1;
  to->r5 += weight * from.r5;
  to->r10 += weight * from.r10;
  to->median += weight * from.median;
  to->mean += weight * from.mean;
}

// The cross entropy of both directions over a gallery, an image at a time. Rows have norm 1, so
// similarities are at most 1 and their exponentials far from overflow.
class GalleryLoss {
 public:
  explicit GalleryLoss(size_t texts) : own_(texts), sums_(texts) {}

  // `scores`: of one image with all texts.
  void Add(int64_t image, const std::vector<double>& scores,
           const std::vector<int64_t>& image_of_text) {
    double captions = 0, all = 0;
    for (size_t j = 0; j < scores.size(); ++j) {
      const double power = std::exp(kLogitScale * scores[j]);
      all += power;
      sums_[j] += power;
      if (image_of_text[j] != image) continue;
      captions += power;
      own_[j] = power;
    }
    images_loss_ += std::log(all / captions);
    ++images_;
  }

  // After all images.
  double Mean() const {
    double texts_loss = 0;
    for (size_t j = 0; j < sums_.size(); ++j) texts_loss += std::log(sums_[j] / own_[j]);
    return (images_loss_ / static_cast<double>(images_) +
            texts_loss / static_cast<double>(sums_.size())) /
           2;
  }

 private:
  double images_loss_ = 0;
  int64_t images_ = 0;
  std::vector<double> own_, sums_;  // of each text: with its image, over all images
};

// Images [begin, end) with their captions.
Gallery Part(const Gallery& gallery, int64_t begin, int64_t end) {
  Gallery part{.dim = gallery.dim, .images = {}, .texts = {}, .image_of_text = {}};
  part.images.assign(gallery.images.begin() + begin * gallery.dim,
                     gallery.images.begin() + end * gallery.dim);
  for (int64_t text = 0; text < gallery.text_count(); ++text) {
    const int64_t image = gallery.image_of_text[static_cast<size_t>(text)];
    if (image < begin || image >= end) continue;
    part.image_of_text.push_back(image - begin);
    part.texts.insert(part.texts.end(), gallery.texts.begin() + text * gallery.dim,
                      gallery.texts.begin() + (text + 1) * gallery.dim);
  }
  return part;
}

}  // namespace

RetrievalMetrics EvaluateRetrieval(const Gallery& gallery) {
  Scorer scorer(gallery);
  const std::vector<double> own = OwnScores(gallery, &scorer);
  std::vector<double> best(static_cast<size_t>(gallery.image_count()),
                           -std::numeric_limits<double>::infinity());
  for (size_t j = 0; j < own.size(); ++j) {
    double& most = best[static_cast<size_t>(gallery.image_of_text[j])];
    most = std::max(most, own[j]);
  }
  std::vector<Place> image_places(best.size()), text_places(own.size());
  GalleryLoss loss(own.size());
  for (size_t image = 0; image < best.size(); ++image) {
    const std::vector<double>& scores = scorer.Of(static_cast<int64_t>(image));
    loss.Add(static_cast<int64_t>(image), scores, gallery.image_of_text);
    for (size_t j = 0; j < own.size(); ++j) {
      if (gallery.image_of_text[j] == static_cast<int64_t>(image)) continue;
      image_places[image].Count(scores[j], best[image]);
      text_places[j].Count(scores[j], own[j]);
    }
  }
  return {.i2t = FromRanks(Ranks(image_places)),
          .t2i = FromRanks(Ranks(text_places)),
          .loss = loss.Mean()};
}

RetrievalMetrics EvaluateRetrievalFolds(const Gallery& gallery, int64_t folds,
                                        int64_t images_per_fold) {
  RetrievalMetrics mean;
  for (int64_t fold = 0; fold < folds; ++fold) {
    const RetrievalMetrics metrics =
        EvaluateRetrieval(Part(gallery, fold * images_per_fold, (fold + 1) * images_per_fold));
    Add(metrics.i2t, 1 / static_cast<double>(folds), &mean.i2t);
    Add(metrics.t2i, 1 / static_cast<double>(folds), &mean.t2i);
    mean.loss += metrics.loss / static_cast<double>(folds);
  }
  return mean;
}

double ChanceR1Sum(const Gallery& gallery) {
  // Image to text: an image with c of all C captions is right with probability c / C, and the mean
  // of that over the images is 1 / images. Text to image: each caption is right with probability 1
  // / images. Both together, in percent.
  return 2 * 100 / static_cast<double>(gallery.image_count());
}

}  // namespace tributary
