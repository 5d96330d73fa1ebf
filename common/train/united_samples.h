// UnitedSamples: several sets of samples of one modality as one, for training on all data in one
// place.
//
// Rows of the first set come first, then those of the second, and so on; images are counted alike.
// Immutable; Gather() may be called from several threads at once if those of the sets may.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/train/samples.h"

namespace tributary {

class UnitedSamples : public Samples {
 public:
  // `sets`: at least one, all of one modality.
  explicit UnitedSamples(std::vector<std::unique_ptr<Samples>> sets);

  Modality modality() const override { return sets_.front()->modality(); }
  int64_t count() const override { return static_cast<int64_t>(places_.size()); }
  const std::vector<int64_t>& image_of_row() const override { return image_of_row_; }
  const std::vector<int64_t>& word_rows() const override { return word_rows_; }
  // The samples of a batch are grouped by set, and within a set in the order of `rows`. A loss is a
  // mean over the batch, so that the order changes it by rounding alone.
  absl::StatusOr<Batch> Gather(absl::Span<const int64_t> rows, const Augmentations& augmentations,
                               RandomStream* stream) const override;

 private:
  // Where a row is: set and row in it.
  struct Place {
    size_t set = 0;
    int64_t row = 0;
  };

  std::vector<std::unique_ptr<Samples>> sets_;
  std::vector<Place> places_;  // by row
  std::vector<int64_t> image_of_row_;
  std::vector<int64_t> word_rows_;
};

}  // namespace tributary
