#include "server/method/scaffold/control_variates_hook.h"

#include <gtest/gtest.h>

#include "tests/unit/server/method/hook_models.h"

namespace tributary {
namespace {

RunContext ScaffoldContext() {
  RunConfig config = TinyConfig();
  config.local.control_variates = true;
  config.datasets[0].clients = 8;
  return TinyContext(config);
}

TEST(ControlVariatesHookTest, StartAtZeroForAllThatClientsDownload) {
  const RunContext context = ScaffoldContext();
  ModelSet models = ModelsOf(context, 1);
  ASSERT_TRUE(ControlVariatesHook().Begin(context, &models).ok());
  for (const auto& [name, dataset] : context.datasets) {
    size_t controls = 0;
    for (const TensorSpec& spec : dataset.download.tensors) {
      if (!IsControl(spec.name)) continue;
      ++controls;
      const Tensor* control = models.auxiliary.at(name).Find(spec.name);
      ASSERT_NE(control, nullptr) << spec.name;
      EXPECT_EQ(control->shape, spec.shape);
      for (const float value : control->values) EXPECT_EQ(value, 0);
    }
    EXPECT_EQ(controls, dataset.plain.tensors.size());
  }
}

TEST(ControlVariatesHookTest, ChangesAreSummedOverTheClientsThatTheRunExpects) {
  const RunContext context = ScaffoldContext();
  const ControlVariatesHook hook;
  const DatasetContext& pictures = context.datasets.at("pictures");
  EXPECT_EQ(hook.SummedWeight(pictures, "control.norm.weight"), 1.0 / 8);
  EXPECT_EQ(hook.SummedWeight(context.datasets.at("words"), "control.norm.weight"), 1.0 / 2);
  EXPECT_EQ(hook.SummedWeight(pictures, "public.features"), std::nullopt);
}

TEST(ControlVariatesHookTest, SumsAreAddedAndOtherTensorsStay) {
  const RunContext context = ScaffoldContext();
  const ControlVariatesHook hook;
  ModelSet models = ModelsOf(context, 1);
  ASSERT_TRUE(hook.Begin(context, &models).ok());
  ASSERT_TRUE(models.auxiliary["words"].Add("another", {{1}, {5}}).ok());
  RoundOutcome outcome{.round = 1};
  ASSERT_TRUE(outcome.summed["words"]
                  .Add("control.norm.weight", Tensor{{8}, std::vector<float>(8, 0.5F)})
                  .ok());
  ASSERT_TRUE(outcome.summed["words"].Add("another", {{1}, {9}}).ok());
  ASSERT_TRUE(hook.AfterMerge(context, outcome, &models).ok());
  ASSERT_TRUE(hook.AfterMerge(context, outcome, &models).ok());
  const StateDict& words = models.auxiliary.at("words");
  EXPECT_EQ(words.Find("control.norm.weight")->values[3], 1);
  EXPECT_EQ(words.Find("control.norm.bias")->values[3], 0);
  EXPECT_EQ(words.Find("another")->values[0], 5);
  EXPECT_EQ(models.auxiliary.at("pictures").Find("control.norm.weight")->values[0], 0);
}

TEST(ControlVariatesHookTest, ASumThatBelongsNowhereIsAnError) {
  const RunContext context = ScaffoldContext();
  ModelSet models = ModelsOf(context, 1);
  RoundOutcome outcome{.round = 1};
  ASSERT_TRUE(outcome.summed["words"].Add("control.norm.weight", {{1}, {1}}).ok());
  EXPECT_EQ(ControlVariatesHook().AfterMerge(context, outcome, &models).code(),
            absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace tributary
