#include "server/method/hook_table.h"

#include <gtest/gtest.h>

#include "tests/unit/server/method/hook_models.h"

namespace tributary {
namespace {

TEST(HookTableTest, WithoutKeysThatAskForOneThereIsNone) {
  const RunConfig config = TinyConfig();
  EXPECT_TRUE(HooksOf(config).empty());
  EXPECT_FALSE(HooksOf(config).needs().old_globals);
  EXPECT_FALSE(HooksOf(config).needs().changes_globals);
}

// A uni-modal dataset's auxiliary weights are the other modality's blocks.
TEST(HookTableTest, ComplementaryLayersTakeTheOtherModalitysWeights) {
  RunConfig config = TinyConfig();
  config.local.complementary = ComplementaryLayers::kAll;
  const MethodHooks hooks = HooksOf(config);
  EXPECT_FALSE(hooks.needs().changes_globals) << "they may be written while they are merged";
  const RunContext context = TinyContext(config);
  ModelSet models = ModelsOf(context, 1);
  ASSERT_TRUE(hooks.Begin(context, &models).ok());
  ASSERT_TRUE(models.auxiliary.contains("pictures"));
  ASSERT_TRUE(hooks.AfterMerge(context, {.round = 1}, &models).ok());
  int seen = 0;
  for (const auto& [name, tensor] : models.auxiliary.at("pictures")) {
    if (name.find("aux_weight") == std::string::npos) continue;
    ++seen;
    for (const float value : tensor.values) EXPECT_EQ(value, 2.0F) << name;
  }
  EXPECT_GT(seen, 0);
}

// The auxiliary weights of the next round are those of the stepped globals, not of the merged ones.
TEST(HookTableTest, TheServerOptimizerStepsBeforeTheOthersLook) {
  RunConfig config = TinyConfig();
  config.local.complementary = ComplementaryLayers::kAll;
  config.local.control_variates = true;
  config.fedopt = {.optimizer = ServerOptimizer::kMomentum, .learning_rate = 3, .momentum = 0};
  const MethodHooks hooks = HooksOf(config);
  const RunContext context = TinyContext(config);
  ModelSet models = ModelsOf(context, 1);
  ASSERT_TRUE(hooks.Begin(context, &models).ok());
  RoundOutcome outcome{.round = 1};
  outcome.before = models.globals;
  const Plan plan = PlanOfOne(context);
  outcome.plan = &plan;
  models.globals = ModelsOf(context, 2).globals;
  ASSERT_TRUE(hooks.AfterMerge(context, outcome, &models).ok());
  // "words" went from 2 to 4, three times that step is 8.
  const StateDict& auxiliary = models.auxiliary.at("pictures");
  EXPECT_EQ(models.globals.at("words")[0].tensor.values[0], 8);
  EXPECT_EQ(auxiliary.Find("blockses.0.0.attn.qkv.aux_weight")->values[0], 8);
  EXPECT_EQ(auxiliary.Find("control.norm.weight")->values[0], 0) << "and c is left alone";
}

}  // namespace
}  // namespace tributary
