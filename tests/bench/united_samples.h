// Several sets of samples as one.
#pragma once

#include <memory>
#include <vector>

#include "common/train/samples.h"

namespace tributary {

class UnitedSamples : public Samples {
 public:
  // `parts`: at least one, all of one modality.
  explicit UnitedSamples(std::vector<std::unique_ptr<Samples>> parts);

  Modality modality() const override { return parts_.front()->modality(); }
  int64_t count() const override { return static_cast<int64_t>(part_of_row_.size()); }
  const std::vector<int64_t>& image_of_row() const override { return image_of_row_; }
  const std::vector<int64_t>& word_rows() const override { return word_rows_; }
  // The rows of a batch are grouped by part.
  absl::StatusOr<Batch> Gather(absl::Span<const int64_t> rows, const Augmentations& augmentations,
                               RandomStream* stream) const override;

 private:
  std::vector<std::unique_ptr<Samples>> parts_;
  std::vector<size_t> part_of_row_;
  std::vector<int64_t> row_in_part_;
  std::vector<int64_t> image_of_row_;
  std::vector<int64_t> word_rows_;
};

}  // namespace tributary
