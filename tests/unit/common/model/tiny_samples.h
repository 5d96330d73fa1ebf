// Samples for the model of tiny_model.h, whose labels can be learned.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>

#include "common/base/random.h"
#include "common/train/memory_samples.h"
#include "tests/unit/common/model/tiny_model.h"

namespace tributary {

// `count` images whose brightness tells their class.
inline at::Tensor TinyImages(int64_t count) {
  at::Tensor images = at::empty({count, 3, 8, 8}, at::kFloat);
  RandomStream stream(7, "images");
  auto* values = images.mutable_data_ptr<float>();
  for (int64_t i = 0; i < images.numel(); ++i) {
    values[i] = static_cast<float>(static_cast<double>(i / 192 % 3) - 1 + stream.Normal() / 10);
  }
  return images;
}

// `count` texts of five tokens; the second tells the class. Tokens 9 and above do not occur.
inline at::Tensor TinyTokens(int64_t count) {
  at::Tensor tokens = at::empty({count, 5}, at::kLong);
  auto* values = tokens.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < count; ++i) {
    const std::vector<int64_t> row = {1, 3 + i % 3, 6 + i % 2, 2, 0};
    std::copy(row.begin(), row.end(), values + i * 5);
  }
  return tokens;
}

inline at::Tensor TinyLabels(int64_t count) {
  at::Tensor labels = at::empty({count}, at::kLong);
  for (int64_t i = 0; i < count; ++i) labels.mutable_data_ptr<int64_t>()[i] = i % 3;
  return labels;
}

inline std::unique_ptr<Samples> TinySamples(Modality modality, int64_t count) {
  Batch all;
  if (modality != Modality::kText) all.images = TinyImages(count);
  if (modality != Modality::kImage) all.tokens = TinyTokens(count);
  if (modality != Modality::kPair) all.labels = TinyLabels(count);
  return std::make_unique<MemorySamples>(modality, std::move(all));
}

}  // namespace tributary
