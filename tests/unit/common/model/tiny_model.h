// A model small enough for unit tests, and samples for it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/model/initial_state.h"
#include "common/model/model_spec.h"
#include "common/train/memory_samples.h"

namespace tributary {

inline ModelSpec TinySpec(ComplementaryLayers layers = ComplementaryLayers::kNone) {
  return {.dim = 8,
          .depth = 2,
          .heads = 2,
          .patch = 4,
          .image_size = 8,
          .channels = 3,
          .max_tokens = 5,
          .vocabulary_size = 20,
          .drop_path = 0,
          .classes = 3,
          .complementary = layers};
}

inline StateDict TinyState(const ModelSpec& spec, Modality modality, uint64_t seed = 1) {
  auto state = InitialState(spec, modality, seed, "tiny");
  EXPECT_TRUE(state.ok()) << state.status();
  return *std::move(state);
}

// `state` with auxiliary weights that differ from the layers' own, as a download holds them.
inline StateDict WithAuxiliary(const ModelSpec& spec, Modality modality, const StateDict& state) {
  const auto manifest = ModelManifest(spec, modality, TensorScope::kDownload);
  EXPECT_TRUE(manifest.ok()) << manifest.status();
  StateDict download;
  RandomStream stream(5, "auxiliary");
  for (const TensorSpec& tensor : manifest->tensors) {
    const Tensor* plain = state.Find(tensor.name);
    Tensor value = plain != nullptr ? *plain : Tensor::Zeros(tensor.shape);
    if (plain == nullptr) {
      for (float& weight : value.values) weight = static_cast<float>(stream.Normal()) / 4;
    }
    EXPECT_TRUE(download.Add(tensor.name, std::move(value)).ok());
  }
  return download;
}

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
