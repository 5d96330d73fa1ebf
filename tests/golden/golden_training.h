// What tests of local training share: a client's data, and weights after optimizer steps.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/train/memory_samples.h"
#include "tests/golden/golden_model.h"

namespace tributary {

// The samples of a file of the golden folder.
inline std::unique_ptr<Samples> GoldenSamples(const std::string& file, Modality modality) {
  auto data = GoldenTensors(file);
  Batch all;
  if (modality == Modality::kPair) {
    all = {.images = data.at("image"), .tokens = data.at("tokens"), .labels = {}};
  } else if (modality == Modality::kImage) {
    all = {.images = data.at("input"), .tokens = {}, .labels = data.at("target")};
  } else {
    all = {.images = {}, .tokens = data.at("input"), .labels = data.at("target")};
  }
  return std::make_unique<MemorySamples>(modality, std::move(all));
}

// Compares all tensors of `golden` by the rules of golden/README.md. `left_out`: tensor -> flat
// indices. `release_proximal`: leaves out whole qkv biases.
inline void ExpectSameWeights(const std::string& what, const StateDict& ours,
                              const StateDict& golden, const nlohmann::ordered_json& left_out,
                              bool release_proximal = false) {
  constexpr double kTolerance = 5e-4;
  for (const auto& [name, expected] : golden) {
    const Tensor* tensor = ours.Find(name);
    ASSERT_NE(tensor, nullptr) << what << " " << name;
    ASSERT_EQ(tensor->shape, expected.shape) << what << " " << name;
    if (release_proximal && absl::EndsWith(name, "attn.qkv.bias")) continue;
    std::set<size_t> skipped;
    if (left_out.contains(name)) left_out.at(name).get_to(skipped);
    for (size_t i = 0; i < expected.values.size(); ++i) {
      if (skipped.contains(i) || IsKeyBias(name, i, expected.values.size())) continue;
      ASSERT_NEAR(tensor->values[i], expected.values[i], kTolerance)
          << what << " " << name << ", value " << i;
    }
  }
}

}  // namespace tributary
