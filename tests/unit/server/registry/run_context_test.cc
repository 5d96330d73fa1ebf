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

// int8, int4 and top-k cut their blocks at the ends of chunks.
TEST(RunContextTest, AnotherChunkSizeIsAnotherRun) {
  RunConfig config = TinyConfig();
  config.wire.chunk_kib = 100;
  const absl::Status status =
      CheckSameRun(Fingerprint(TinyContext()), Fingerprint(TinyContext(config)));
  EXPECT_NE(status.message().find("wire/chunk_kib was 1024 and is 100"), std::string::npos)
      << status;
}

// Auxiliary weights come from the first dataset of the other modality.
TEST(RunContextTest, TheOrderOfDatasetsBelongsToTheRun) {
  RunConfig config = TinyConfig();
  std::swap(config.datasets[0], config.datasets[1]);
  EXPECT_FALSE(CheckSameRun(Fingerprint(TinyContext()), Fingerprint(TinyContext(config))).ok());
}

TEST(RunContextTest, AKeyYoungerThanTheRunHadItsDefault) {
  RunConfig config = TinyConfig();
  const RunContext usual = TinyContext(config);
  nlohmann::json stored = Fingerprint(usual);
  stored["local"].erase("epochs");
  EXPECT_TRUE(CheckSameRun(stored, Fingerprint(usual), DefaultFingerprint(usual)).ok());
  config.local.epochs = 9;
  const RunContext other = TinyContext(config);
  const absl::Status status = CheckSameRun(stored, Fingerprint(other), DefaultFingerprint(other));
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
  config.model.spec.heads = 3;
  EXPECT_EQ(MakeRunContext(config, {{"pictures", 3}, {"words", 5}}, 20, "").status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tributary
