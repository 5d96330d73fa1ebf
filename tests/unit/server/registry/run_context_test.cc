#include "server/registry/run_context.h"

#include <gtest/gtest.h>

#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

TEST(RunContextTest, EveryDatasetHasItsManifests) {
  const RunContext context = TinyContext();
  EXPECT_EQ(context.ExpectedClients(), 4);
  EXPECT_EQ(context.datasets.at("words").spec.classes, 5);
  EXPECT_EQ(context.datasets.at("words").plain, context.datasets.at("words").download);
}

TEST(RunContextTest, VeryManyClientsAreHeardMoreSeldomButThriceWithinTheirLiveness) {
  RunContext context = TinyContext();
  EXPECT_EQ(context.Heartbeat(), context.config.wire.heartbeat);
  int& pictures = context.datasets.at("pictures").config.clients;
  pictures = 1'500 - 2;
  EXPECT_EQ(context.Heartbeat(), absl::Milliseconds(7'500));
  pictures = 1'000'000;
  EXPECT_EQ(context.Heartbeat(), context.config.wire.liveness / 3);
  context.config.wire.heartbeat = absl::Seconds(14);
  EXPECT_EQ(context.Heartbeat(), absl::Seconds(14)) << "as the run file has it";
}

TEST(RunContextTest, ComplementaryTrainingAddsAuxiliaryWeightsToDownloads) {
  RunConfig config = TinyConfig();
  config.local.complementary = ComplementaryLayers::kAll;
  const RunContext context = TinyContext(config);
  const DatasetContext& words = context.datasets.at("words");
  EXPECT_EQ(words.download.tensors.size(), words.plain.tensors.size() + 4);
}

TEST(RunContextTest, ASettingThatChangesTheMathematicsChangesTheRun) {
  const nlohmann::json before = Fingerprint(TinyContext());
  RunConfig config = TinyConfig();
  config.local.epochs = 9;
  const absl::Status status = CheckSameRun(before, Fingerprint(TinyContext(config)));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("local/epochs was 5 and is 9"), std::string::npos) << status;
}

TEST(RunContextTest, DeadlinesAndRoundsMayChange) {
  const nlohmann::json before = Fingerprint(TinyContext());
  RunConfig config = TinyConfig();
  config.rounds = 100;
  config.round.deadline = absl::Seconds(7);
  EXPECT_TRUE(CheckSameRun(before, Fingerprint(TinyContext(config))).ok());
}

TEST(RunContextTest, AModelThatCannotBeBuiltIsRefused) {
  RunConfig config = TinyConfig();
  config.model.heads = 3;
  EXPECT_EQ(MakeRunContext(config, {{"pictures", 3}, {"words", 5}}, 20, "").status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tributary
