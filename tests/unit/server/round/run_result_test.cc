#include "server/round/run_result.h"

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/tensor/safetensors.h"
#include "tests/scratch_folder.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

std::vector<RoundRecord> History() {
  std::vector<RoundRecord> history(2);
  history[0].round = 1;
  history[0].seconds = 1;
  history[0].bytes_up = 10;
  history[0].tasks["words"].classification.emplace().accuracy = 40;
  history[1].round = 2;
  history[1].seconds = 2;
  history[1].bytes_up = 20;
  history[1].model_hash = "h2";
  return history;
}

TEST(RunResultTest, SumsRoundsAndKeepsTheLastEvaluation) {
  const auto result = MakeRunResult(TinyContext(), History());
  EXPECT_EQ(result["method"], "fedavg");
  EXPECT_EQ(result["rounds"], 2);
  EXPECT_EQ(result["seconds"], 3);
  EXPECT_EQ(result["bytes_up"], 30);
  EXPECT_EQ(result["model_hash"], "h2");
  EXPECT_EQ(result["tasks"]["words"]["accuracy"], 40);
  ASSERT_EQ(result["history"].size(), 2u);
  EXPECT_FALSE(result["history"][0].contains("model_hash")) << "a round that has none";
  EXPECT_EQ(result["history"][1]["model_hash"], "h2");
}

TEST(RunResultTest, ConfusionMatricesAreOfTheLastEvaluationAlone) {
  std::vector<RoundRecord> history = History();
  history[0].tasks["words"].classification->confusion = {{1, 2}, {3, 4}};
  const auto result = MakeRunResult(TinyContext(), history);
  EXPECT_EQ(result["tasks"]["words"]["confusion"], nlohmann::json({{1, 2}, {3, 4}}));
  EXPECT_EQ(result["history"][0]["tasks"]["words"]["accuracy"], 40);
  EXPECT_FALSE(result["history"][0]["tasks"]["words"].contains("confusion"));
}

TEST(RunResultTest, WritesResultAndModels) {
  const ScratchFolder scratch;
  const std::string folder = scratch / "state";
  ModelSet models;
  ASSERT_TRUE(models.globals["words"].Add("w", {{1}, {4}}).ok());
  ASSERT_TRUE(
      WriteRunResult(folder, TinyContext(), MakeRunResult(TinyContext(), History()), models).ok());
  EXPECT_EQ(nlohmann::json::parse(*ReadFile(folder + "/result.json"))["seed"], 1);
  EXPECT_EQ(ReadSafetensors(folder + "/models/words.safetensors")->Find("w")->values[0], 4);
}

}  // namespace
}  // namespace tributary
