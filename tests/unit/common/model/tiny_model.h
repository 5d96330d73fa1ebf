// A model small enough for unit tests. tiny_samples.h has samples for it.
#pragma once

#include <cstdint>
#include <utility>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/model/initial_state.h"
#include "common/model/model_spec.h"

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

}  // namespace tributary
