#include <gtest/gtest.h>

#include "server/method/fedcola/settings.h"
#include "server/method/method_table.h"
#include "server/strategy/strategy_table.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

// Two uni-modal datasets with complementary layers, and a pair dataset.
RunConfig ComplementaryConfig() {
  RunConfig config = TinyConfig();
  config.method = &FedColaCard();
  config.local.complementary = ComplementaryLayers::kAll;
  return config;
}

ModelSet FreshModels(const RunContext& context) {
  ModelSet models;
  for (const auto& [name, dataset] : context.datasets) {
    for (const TensorSpec& spec : dataset.plain.tensors) {
      Tensor tensor = Tensor::Zeros(spec.shape);
      for (float& value : tensor.values) value = name == "words" ? 2.0F : 1.0F;
      EXPECT_TRUE(models.globals[name].Add(spec.name, std::move(tensor)).ok());
    }
  }
  return models;
}

TEST(StrategyTest, PlainMethodsKeepNothing) {
  for (const char* word : {"fedavg", "fedprox", "fediot"}) {
    RunConfig config = TinyConfig();
    config.method = FindMethod(Methods(), word);
    const auto strategy = StrategyFor(config, nullptr);
    const RunContext context = TinyContext(config);
    ModelSet models = FreshModels(context);
    EXPECT_TRUE(strategy->Begin(context, &models).ok());
    EXPECT_TRUE(models.auxiliary.empty());
  }
}

// A uni-modal dataset's auxiliary weights are the other modality's blocks.
TEST(StrategyTest, ComplementaryLayersTakeTheOtherModalitysWeights) {
  const RunConfig config = ComplementaryConfig();
  const auto strategy = StrategyFor(config, nullptr);
  const RunContext context = TinyContext(config);
  ModelSet models = FreshModels(context);
  ASSERT_TRUE(strategy->Begin(context, &models).ok());
  ASSERT_TRUE(models.auxiliary.contains("pictures"));
  ASSERT_TRUE(strategy->AfterAggregation(context, {}, &models).ok());
  int seen = 0;
  for (const auto& [name, tensor] : models.auxiliary.at("pictures")) {
    if (name.find("aux_weight") == std::string::npos) continue;
    ++seen;
    for (const float value : tensor.values) EXPECT_EQ(value, 2.0F) << name;
  }
  EXPECT_GT(seen, 0);
}

}  // namespace
}  // namespace tributary
