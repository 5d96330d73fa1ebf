#include "server/registry/run_context.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/hash.h"
#include "tests/scratch_folder.h"
#include "tests/unit/server/registry/tiny_run.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

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

TEST(RunContextTest, TheDatasetOfAModelThatCannotBeBuiltIsNamed) {
  RunConfig config = TinyConfig();
  config.model.spec.patch = 3;
  const absl::Status status =
      MakeRunContext(config, {{"pictures", 3}, {"words", 5}}, 20, "").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("dataset pictures"));
}

TEST(RunContextTest, ExpectsTheClientsOfAllDatasets) {
  RunConfig config = TinyConfig();
  config.datasets[0].clients = 5;
  config.datasets[1].clients = 7;
  EXPECT_EQ(TinyContext(config).ExpectedClients(), 12);
}

TEST(RunContextTest, ManifestsAreThoseOfTheDatasetsOwnModel) {
  RunConfig config = TinyConfig();
  config.datasets.push_back({"both", Modality::kPair, 1, "data/both"});
  const auto context =
      MakeRunContext(config, {{"pictures", 3}, {"words", 5}, {"both", 0}}, 20, "v");
  ASSERT_TRUE(context.ok()) << context.status();
  for (const auto& [name, dataset] : context->datasets) {
    EXPECT_EQ(dataset.config.name, name);
    EXPECT_EQ(dataset.spec.vocabulary_size, 20);
    EXPECT_EQ(dataset.plain,
              *ModelManifest(dataset.spec, dataset.config.modality, TensorScope::kPlain));
    EXPECT_EQ(dataset.upload,
              *ModelManifest(dataset.spec, dataset.config.modality, TensorScope::kUpload));
  }
  EXPECT_EQ(context->datasets.at("both").spec.classes, 0);
}

TEST(RunContextTest, APairModelHasNoComplementaryLayers) {
  RunConfig config = TinyConfig();
  config.datasets[1].modality = Modality::kPair;
  config.local.complementary = ComplementaryLayers::kAll;
  const auto context = MakeRunContext(config, {{"pictures", 3}, {"words", 0}}, 20, "v");
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(context->datasets.at("words").spec.complementary, ComplementaryLayers::kNone);
  EXPECT_EQ(context->datasets.at("words").download, context->datasets.at("words").plain);
  EXPECT_NE(context->datasets.at("pictures").download, context->datasets.at("pictures").plain);
}

TEST(RunContextTest, PretrainedFilesCountByTheirContent) {
  const ScratchFolder scratch;
  std::ofstream(scratch / "image.safetensors") << "weights";
  RunConfig config = TinyConfig();
  config.init.image = scratch / "image.safetensors";
  const RunContext context = TinyContext(config);
  EXPECT_EQ(context.init_digests.at("image"), Sha256Hex("weights"));
  EXPECT_FALSE(context.init_digests.contains("text"));
  config.init.text = scratch / "none.safetensors";
  const absl::Status status =
      MakeRunContext(config, {{"pictures", 3}, {"words", 5}}, 20, "").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("init.text"));
}

TEST(RunContextTest, ValuesGoUnpackedWhereEverythingIsOnThisMachine) {
  RunContext context = TinyContext();
  context.config.wire.pack_f32 = Packing::kAuto;
  context.config.server.listen = "127.0.0.1:7700";
  EXPECT_TRUE(context.PlainF32());
  context.config.server.listen = "0.0.0.0:7700";
  EXPECT_FALSE(context.PlainF32());
  context.config.wire.pack_f32 = Packing::kNever;
  EXPECT_TRUE(context.PlainF32());
  context.config.wire.pack_f32 = Packing::kAlways;
  context.config.server.listen = "127.0.0.1:7700";
  EXPECT_FALSE(context.PlainF32());
}

TEST(CheckSameRunTest, EveryDifferenceIsNamedWithBothValues) {
  const nlohmann::json before = {{"seed", 1}, {"local", {{"batch", 8}, {"gone", true}}}};
  const nlohmann::json after = {{"seed", 2}, {"local", {{"batch", 16}}}, {"fresh", "x"}};
  const absl::Status status = CheckSameRun(before, after);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("seed was 1 and is 2"));
  EXPECT_THAT(message, HasSubstr("local/batch was 8 and is 16"));
  EXPECT_THAT(message, HasSubstr("fresh was null and is \"x\""));
  EXPECT_THAT(message, HasSubstr("local/gone is gone"));
  EXPECT_THAT(message, HasSubstr("give --state another folder"));
}

TEST(CheckSameRunTest, TheOrderOfKeysIsNoDifference) {
  EXPECT_TRUE(CheckSameRun({{"a", 1}, {"b", 2}}, {{"b", 2}, {"a", 1}}).ok());
  EXPECT_TRUE(CheckSameRun(nlohmann::json::object(), nlohmann::json::object()).ok());
}

}  // namespace
}  // namespace tributary
