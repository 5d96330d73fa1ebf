// Samples: what a model is trained or evaluated on, as batches of tensors.
//
// Training loops and evaluation use this interface alone; shard_samples.h implements it for a
// prepared shard, memory_samples.h for tensors of a test. A row is one sample: an image, a text, or
// a caption with its image.
//
// Gather() is const and may be called from several threads at once.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/random.h"
#include "common/data/transforms.h"
#include "common/model/model_spec.h"

namespace tributary {

// Tensors on the CPU. A tensor that the modality does not have is undefined.
struct Batch {
  at::Tensor images;  // [B,C,H,W] float, normalised
  at::Tensor tokens;  // [B,T] int64, rows of the word table
  at::Tensor labels;  // [B] int64; of uni-modal samples
};

class Samples {
 public:
  virtual ~Samples() = default;

  virtual Modality modality() const = 0;
  virtual int64_t count() const = 0;
  // For pairs: the image of each row, counted from 0 in the order in which images occur first.
  virtual const std::vector<int64_t>& image_of_row() const = 0;
  // The rows of the word table that occur, sorted, row 0 (padding) first. Empty without texts.
  virtual const std::vector<int64_t>& word_rows() const = 0;

  // The batch of the given rows, each in [0, count()). Images are augmented as `augmentations` say
  // with numbers from `stream`; a null stream: not at all. DataLoss if a row cannot be read.
  virtual absl::StatusOr<Batch> Gather(absl::Span<const int64_t> rows,
                                       const Augmentations& augmentations,
                                       RandomStream* stream) const = 0;
};

}  // namespace tributary
