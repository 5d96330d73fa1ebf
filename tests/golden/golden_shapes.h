// What the names and shapes of a golden model's tensors say of it. Needs no LibTorch.
#pragma once

#include <cmath>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "common/model/model_spec.h"
#include "common/tensor/state_dict.h"

namespace tributary {

// "img", "txt", and for pairs "pair" or "img+txt".
inline Modality ModalityFromRelease(const nlohmann::ordered_json& name) {
  if (name == "img") return Modality::kImage;
  if (name == "txt") return Modality::kText;
  EXPECT_TRUE(name == "pair" || name == "img+txt") << name;
  return Modality::kPair;
}

struct GoldenModel {
  ModelSpec spec;  // without stochastic depth
  Modality modality = Modality::kPair;
};

using Shapes = std::map<std::string, Shape>;

inline Shapes ShapesOf(const StateDict& state) {
  Shapes shapes;
  for (const auto& [name, tensor] : state) shapes[name] = tensor.shape;
  return shapes;
}

// The layers that carry auxiliary weights in `shapes`.
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
  return ModelOfShapes(ShapesOf(state), heads);
}

}  // namespace tributary
