#include "tests/bench/united_samples.h"

#include <set>
#include <utility>

#include <ATen/ops/cat.h>

#include "common/base/status_macros.h"

namespace tributary {
namespace {

at::Tensor Joined(const std::vector<Batch>& batches, at::Tensor Batch::*member) {
  std::vector<at::Tensor> tensors;
  for (const Batch& batch : batches) {
    if ((batch.*member).defined()) tensors.push_back(batch.*member);
  }
  return tensors.empty() ? at::Tensor() : at::cat(tensors);
}

}  // namespace

UnitedSamples::UnitedSamples(std::vector<std::unique_ptr<Samples>> parts)
    : parts_(std::move(parts)) {
  std::set<int64_t> words;
  int64_t images = 0;
  for (size_t part = 0; part < parts_.size(); ++part) {
    for (int64_t row = 0; row < parts_[part]->count(); ++row) {
      part_of_row_.push_back(part);
      row_in_part_.push_back(row);
    }
    int64_t most = -1;
    for (const int64_t image : parts_[part]->image_of_row()) {
      image_of_row_.push_back(images + image);
      most = std::max(most, image);
    }
    images += most + 1;
    words.insert(parts_[part]->word_rows().begin(), parts_[part]->word_rows().end());
  }
  word_rows_.assign(words.begin(), words.end());
}

absl::StatusOr<Batch> UnitedSamples::Gather(absl::Span<const int64_t> rows,
                                            const Augmentations& augmentations,
                                            RandomStream* stream) const {
  std::vector<Batch> batches;
  for (size_t part = 0; part < parts_.size(); ++part) {
    std::vector<int64_t> own;
    for (const int64_t row : rows) {
      const auto i = static_cast<size_t>(row);
      if (part_of_row_[i] == part) own.push_back(row_in_part_[i]);
    }
    if (own.empty()) continue;
    ASSIGN_OR_RETURN(Batch batch, parts_[part]->Gather(own, augmentations, stream));
    batches.push_back(std::move(batch));
  }
  return Batch{.images = Joined(batches, &Batch::images),
               .tokens = Joined(batches, &Batch::tokens),
               .labels = Joined(batches, &Batch::labels)};
}

}  // namespace tributary
