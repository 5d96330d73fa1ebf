#include "common/train/memory_samples.h"

#include <numeric>
#include <set>
#include <utility>

#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

namespace tributary {
namespace {

at::Tensor Rows(const at::Tensor& all, const at::Tensor& rows) {
  return all.defined() ? at::index_select(all, 0, rows) : all;
}

}  // namespace

std::vector<int64_t> WordRowsOf(const at::Tensor& tokens) {
  const at::Tensor flat = tokens.contiguous();
  const auto* begin = flat.const_data_ptr<int64_t>();
  std::set<int64_t> rows(begin, begin + flat.numel());
  rows.insert(0);  // padding, which a shortened word table must have in its first place
  return {rows.begin(), rows.end()};
}

MemorySamples::MemorySamples(Modality modality, Batch all, std::vector<int64_t> image_of_row)
    : modality_(modality), all_(std::move(all)), image_of_row_(std::move(image_of_row)) {
  if (modality == Modality::kPair && image_of_row_.empty()) {
    // Qualified: a constructor must not call a virtual function of a derived class.
    image_of_row_.resize(static_cast<size_t>(MemorySamples::count()));
    std::iota(image_of_row_.begin(), image_of_row_.end(), 0);
  }
  if (all_.tokens.defined()) word_rows_ = WordRowsOf(all_.tokens);
}

int64_t MemorySamples::count() const {
  return all_.images.defined() ? all_.images.size(0) : all_.tokens.size(0);
}

absl::StatusOr<Batch> MemorySamples::Gather(absl::Span<const int64_t> rows,
                                            const Augmentations& /*augmentations*/,
                                            RandomStream* /*stream*/) const {
  const at::Tensor index = at::tensor(at::ArrayRef<int64_t>(rows.data(), rows.size()), at::kLong);
  return Batch{.images = Rows(all_.images, index),
               .tokens = Rows(all_.tokens, index),
               .labels = Rows(all_.labels, index)};
}

}  // namespace tributary
