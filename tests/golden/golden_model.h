// Golden models and tensors of any type, for tests that compute with LibTorch.
#pragma once

#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "common/model/model_spec.h"
#include "common/tensor/safetensors.h"
#include "tests/golden/golden_data.h"

namespace tributary {

// All tensors of a file, float32 or int64.
inline std::map<std::string, at::Tensor> GoldenTensors(const std::string& name) {
  std::map<std::string, at::Tensor> tensors;
  const auto file = SafetensorsFile::Open(GoldenPath(name));
  EXPECT_TRUE(file.ok()) << file.status();
  if (!file.ok()) return tensors;
  for (const SafetensorsFile::Entry& entry : (*file)->entries()) {
    EXPECT_TRUE(entry.dtype == "F32" || entry.dtype == "I64") << name << ": " << entry.dtype;
    const at::Tensor tensor = at::empty(entry.shape, entry.dtype == "I64" ? at::kLong : at::kFloat);
    EXPECT_EQ(tensor.nbytes(), entry.bytes.size()) << name << ": " << entry.name;
    std::memcpy(tensor.mutable_data_ptr(), entry.bytes.data(), entry.bytes.size());
    tensors[entry.name] = tensor;
  }
  return tensors;
}

inline std::vector<float> Values(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().contiguous();
  const auto* begin = flat.const_data_ptr<float>();
  return {begin, begin + flat.numel()};
}

struct GoldenModel {
  ModelSpec spec;  // without stochastic depth
  Modality modality = Modality::kPair;
};

using Shapes = std::map<std::string, Shape>;

// The layers that carry gates in `shapes`.
inline ComplementaryLayers GatedLayers(const Shapes& shapes) {
  bool attn = false, mlp = false;
  for (const auto& [name, shape] : shapes) {
    if (!absl::EndsWith(name, ".aux_weight")) continue;
    attn |= absl::StrContains(name, ".attn.");
    mlp |= absl::StrContains(name, ".mlp.");
  }
  if (attn && mlp) return ComplementaryLayers::kAll;
  if (attn) return ComplementaryLayers::kAttn;
  return mlp ? ComplementaryLayers::kMlp : ComplementaryLayers::kNone;
}

// The model whose parameters have these shapes; the number of heads cannot be seen in them.
inline GoldenModel ModelOfShapes(const Shapes& shapes, int64_t heads) {
  const std::string text = "embeddings.1.text_embeddings.";
  const bool has_image = shapes.contains("embeddings.0.pos_embed");
  const bool has_text = shapes.contains(text + "LayerNorm.weight");
  GoldenModel model;
  model.modality = !has_text ? Modality::kImage : !has_image ? Modality::kText : Modality::kPair;
  ModelSpec& spec = model.spec;
  spec.dim = shapes.at("norm.weight")[0];
  spec.heads = heads;
  spec.drop_path = 0;
  const std::string blocks = has_image ? "blockses.0." : "blockses.1.";
  while (shapes.contains(blocks + std::to_string(spec.depth) + ".norm1.weight")) ++spec.depth;
  if (has_image) {
    const Shape& patch = shapes.at("embeddings.0.embed.proj.weight");
    spec.channels = patch[1];
    spec.patch = patch[2];
    const double patches = static_cast<double>(shapes.at("embeddings.0.pos_embed")[1] - 1);
    spec.image_size = spec.patch * std::lround(std::sqrt(patches));
  }
  if (has_text) {
    spec.vocabulary_size = shapes.at(text + "word_embeddings.weight")[0];
    spec.max_tokens = shapes.at(text + "position_embeddings.weight")[0];
  }
  for (const char* head : {"heads.0.head.bias", "heads.1.head.bias"}) {
    if (const auto found = shapes.find(head); found != shapes.end()) {
      spec.classes = found->second[0];
    }
  }
  spec.complementary = GatedLayers(shapes);
  return model;
}

inline GoldenModel ModelOfState(const StateDict& state, int64_t heads) {
  Shapes shapes;
  for (const auto& [name, tensor] : state) shapes[name] = tensor.shape;
  return ModelOfShapes(shapes, heads);
}

inline int64_t GoldenHeads() { return GoldenJson("model_forward/config.json").at("heads"); }

// Whether value `index` belongs to the key part of a qkv bias, whose true gradient is zero.
inline bool IsKeyBias(const std::string& name, size_t index, size_t size) {
  return absl::EndsWith(name, "attn.qkv.bias") && index >= size / 3 && index < 2 * (size / 3);
}

// The keys of `object`; anything outside `known` fails the test.
inline void ExpectKnownKeys(const nlohmann::json& object, const std::set<std::string>& known) {
  for (const auto& [key, value] : object.items()) {
    EXPECT_TRUE(known.contains(key)) << "unknown key " << key << " in " << object;
  }
}

}  // namespace tributary
