// State dicts of image transformers under other projects' names, for tests of what is taken from
// them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/model/model_spec.h"
#include "common/tensor/state_dict.h"

namespace tributary {

inline Tensor Filled(const Shape& shape, float value) {
  Tensor tensor = Tensor::Zeros(shape);
  std::fill(tensor.values.begin(), tensor.values.end(), value);
  return tensor;
}

// A whole ViT of `spec` under timm's names, with a head of ten classes, all values `value`.
inline StateDict TimmVit(const ModelSpec& spec, float value) {
  StateDict file;
  const auto add = [&](const std::string& name, const Shape& shape) {
    EXPECT_TRUE(file.Add(name, Filled(shape, value)).ok()) << name;
  };
  const auto linear = [&](const std::string& name, int64_t out, int64_t in) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  };
  const auto norm = [&](const std::string& name) {
    add(name + ".weight", {spec.dim});
    add(name + ".bias", {spec.dim});
  };
  const int64_t dim = spec.dim, side = spec.image_size / spec.patch;
  add("cls_token", {1, 1, dim});
  add("pos_embed", {1, 1 + side * side, dim});
  add("patch_embed.proj.weight", {dim, spec.channels, spec.patch, spec.patch});
  add("patch_embed.proj.bias", {dim});
  for (int64_t layer = 0; layer < spec.depth; ++layer) {
    const std::string block = absl::StrCat("blocks.", layer, ".");
    norm(block + "norm1");
    linear(block + "attn.qkv", 3 * dim, dim);
    linear(block + "attn.proj", dim, dim);
    norm(block + "norm2");
    linear(block + "mlp.fc1", 4 * dim, dim);
    linear(block + "mlp.fc2", dim, 4 * dim);
  }
  norm("norm");
  linear("head", 10, dim);
  return file;
}

}  // namespace tributary
