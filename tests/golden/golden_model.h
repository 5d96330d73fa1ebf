// Golden models and tensors of any type, for tests that compute with LibTorch.
#pragma once

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "common/tensor/safetensors.h"
#include "tests/golden/golden_data.h"
#include "tests/golden/golden_shapes.h"

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

inline int64_t GoldenHeads() { return GoldenJson("model_forward/config.json").at("heads"); }

// Whether value `index` belongs to the key part of a qkv bias, whose true gradient is zero.
inline bool IsKeyBias(const std::string& name, size_t index, size_t size) {
  return absl::EndsWith(name, "attn.qkv.bias") && index >= size / 3 && index < 2 * (size / 3);
}

}  // namespace tributary
