#include "common/train/united_samples.h"

#include <algorithm>
#include <set>
#include <utility>

#include <ATen/ops/cat.h>

#include "common/base/status_macros.h"

namespace tributary {
namespace {

// Undefined where the modality has no such member.
at::Tensor Joined(const std::vector<Batch>& batches, at::Tensor Batch::*member) {
  std::vector<at::Tensor> tensors;
  for (const Batch& batch : batches) {
    if ((batch.*member).defined()) tensors.push_back(batch.*member);
  }
  return tensors.empty() ? at::Tensor() : at::cat(tensors);
}

}  // namespace

UnitedSamples::UnitedSamples(std::vector<std::unique_ptr<Samples>> sets) : sets_(std::move(sets)) {
  std::set<int64_t> words;
  int64_t images = 0;  // of the sets before
  for (size_t set = 0; set < sets_.size(); ++set) {
    for (int64_t row = 0; row < sets_[set]->count(); ++row) places_.push_back({set, row});
    int64_t last = -1;
    for (const int64_t image : sets_[set]->image_of_row()) {
      image_of_row_.push_back(images + image);
      last = std::max(last, image);
    }
    images += last + 1;
    words.insert(sets_[set]->word_rows().begin(), sets_[set]->word_rows().end());
  }
  word_rows_.assign(words.begin(), words.end());
}

absl::StatusOr<Batch> UnitedSamples::Gather(absl::Span<const int64_t> rows,
                                            const Augmentations& augmentations,
                                            RandomStream* stream) const {
  std::vector<std::vector<int64_t>> rows_of(sets_.size());
  for (const int64_t row : rows) {
    const Place& place = places_[static_cast<size_t>(row)];
    rows_of[place.set].push_back(place.row);
  }
  std::vector<Batch> batches;
  for (size_t set = 0; set < sets_.size(); ++set) {
    if (rows_of[set].empty()) continue;
    ASSIGN_OR_RETURN(Batch batch, sets_[set]->Gather(rows_of[set], augmentations, stream));
    batches.push_back(std::move(batch));
  }
  return Batch{.images = Joined(batches, &Batch::images),
               .tokens = Joined(batches, &Batch::tokens),
               .labels = Joined(batches, &Batch::labels)};
}

}  // namespace tributary
