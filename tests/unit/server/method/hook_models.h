// Models of a small run for tests of hooks.
#pragma once

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "server/method/method_hook.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {

// Globals of the run's datasets, all values `value`; those of "words" twice that.
inline ModelSet ModelsOf(const RunContext& context, float value) {
  ModelSet models;
  for (const auto& [name, dataset] : context.datasets) {
    for (const TensorSpec& spec : dataset.plain.tensors) {
      Tensor tensor = Tensor::Zeros(spec.shape);
      for (float& each : tensor.values) each = name == "words" ? 2 * value : value;
      EXPECT_TRUE(models.globals[name].Add(spec.name, std::move(tensor)).ok());
    }
  }
  return models;
}

// A plan in which client "0" of each dataset contributes to all of its parameters.
inline Plan PlanOfOne(const RunContext& context) {
  Plan plan;
  for (const auto& [name, dataset] : context.datasets) {
    for (const TensorSpec& spec : dataset.plain.tensors) {
      plan[name].push_back({{.member = 0, .source = spec.name, .coefficient = 1}});
    }
  }
  return plan;
}

}  // namespace tributary
