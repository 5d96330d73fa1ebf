// Samples that are tensors in memory: for tests and experiments that need no shard.
#pragma once

#include <cstdint>
#include <vector>

#include "common/train/samples.h"

namespace tributary {

// Never augments. A batch's rows are copies.
class MemorySamples : public Samples {
 public:
  // `all`: every row, as one batch.
  // `image_of_row`: for pairs; empty: each row has an image of its own.
  MemorySamples(Modality modality, Batch all, std::vector<int64_t> image_of_row = {});

  Modality modality() const override { return modality_; }
  int64_t count() const override;
  const std::vector<int64_t>& image_of_row() const override { return image_of_row_; }
  const std::vector<int64_t>& word_rows() const override { return word_rows_; }
  absl::StatusOr<Batch> Gather(absl::Span<const int64_t> rows, const Augmentations& augmentations,
                               RandomStream* stream) const override;

 private:
  Modality modality_;
  Batch all_;
  std::vector<int64_t> image_of_row_;
  std::vector<int64_t> word_rows_;
};

// The distinct values of `tokens` (int64, on the CPU), sorted, with 0 in front.
std::vector<int64_t> WordRowsOf(const at::Tensor& tokens);

}  // namespace tributary
