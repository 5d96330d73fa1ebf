// Where the golden numbers are, and how to read them. Needs no LibTorch.
#pragma once

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/tensor/safetensors.h"
#include "common/tensor/state_dict.h"

namespace tributary {

// A file of the golden folder: TRIBUTARY_GOLDEN_DIR, or the copy in the source tree.
inline std::string GoldenPath(const std::string& name) {
  const char* folder = std::getenv("TRIBUTARY_GOLDEN_DIR");  // NOLINT(concurrency-mt-unsafe)
  return (folder != nullptr ? std::string(folder)
                            : std::string(TRIBUTARY_SOURCE_DIR) + "/tests/golden/data") +
         "/" + name;
}

// With the keys of objects in the order of the file: that of datasets has a meaning.
inline nlohmann::ordered_json GoldenJson(const std::string& name) {
  std::ifstream file(GoldenPath(name));
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(file, nullptr, false);
  EXPECT_FALSE(json.is_discarded()) << "cannot read " << GoldenPath(name);
  return json;
}

inline StateDict GoldenState(const std::string& name) {
  absl::StatusOr<StateDict> state = ReadSafetensors(GoldenPath(name));
  EXPECT_TRUE(state.ok()) << state.status();
  return state.ok() ? *std::move(state) : StateDict();
}

// Expects |ours - golden| <= tolerance + tolerance * |golden| for each value.
inline void ExpectNear(const std::string& what, const std::vector<float>& ours,
                       const std::vector<float>& golden, double tolerance) {
  ASSERT_EQ(ours.size(), golden.size()) << what;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double allowed = tolerance + tolerance * std::abs(golden[i]);
    ASSERT_NEAR(ours[i], golden[i], allowed) << what << ", value " << i;
  }
}

// The keys of `object`; anything outside `known` fails the test.
inline void ExpectKnownKeys(const nlohmann::ordered_json& object,
                            const std::set<std::string>& known) {
  for (const auto& [key, value] : object.items()) {
    EXPECT_TRUE(known.contains(key)) << "unknown key " << key << " in " << object;
  }
}

}  // namespace tributary
