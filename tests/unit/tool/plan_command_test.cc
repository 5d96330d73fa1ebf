#include "tool/plan_command.h"

#include <filesystem>

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "preparation/shards/shard_writer.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class PlanCommandTest : public testing::Test {
 protected:
  PlanCommandTest() {
    WriteShard("icons", 0, Modality::kImage, 30);
    WriteShard("icons", 1, Modality::kImage, 10);
    WriteShard("words", 0, Modality::kText, 60);
    EXPECT_TRUE(WriteFileAtomically(
                    scratch_ / "run.toml",
                    absl::StrCat("name = \"tiny\"\nmethod = \"fedavg\"\n",
                                 DatasetOf("icons", "image", 2), DatasetOf("words", "text", 1),
                                 "[model]\nsize = \"toy\"\nimage_size = 16\n"))
                    .ok());
    command_.run_file = scratch_ / "run.toml";
    command_.json = true;
  }

  std::string DatasetOf(const std::string& name, const std::string& modality, int clients) const {
    return absl::StrCat("[[datasets]]\nname = \"", name, "\"\nmodality = \"", modality,
                        "\"\nclients = ", clients, "\npath = \"", scratch_ / name, "\"\n");
  }
  void WriteShard(const std::string& dataset, int client, Modality modality, int rows) const {
    const std::string folder = absl::StrCat(scratch_ / dataset, "/client-0", client);
    std::filesystem::create_directories(folder);
    const bool image = modality == Modality::kImage;
    ShardWriter writer(folder + "/train.shard",
                       {.dataset = dataset,
                        .modality = modality,
                        .part = "train",
                        .image_size = image ? 16 : 0,
                        .channels = image ? 3 : 0,
                        .classes = {"a", "b"},
                        .mean = std::vector<float>(image ? 3 : 0, 0.5F),
                        .deviation = std::vector<float>(image ? 3 : 0, 0.5F)});
    const int64_t number = image ? writer.AddImage(std::vector<uint8_t>(16 * 16 * 3, 7)) : 0;
    for (int row = 0; row < rows; ++row) writer.AddRow(number, row % 2, image ? "" : "a word");
    const absl::Status finished = writer.Finish();
    ASSERT_TRUE(finished.ok()) << finished;
  }
  std::string Printed() {
    testing::internal::CaptureStdout();
    status_ = RunPlan(command_);
    return testing::internal::GetCapturedStdout();
  }
  nlohmann::json Plan() {
    const std::string line = Printed();
    EXPECT_TRUE(status_.ok()) << status_;
    return nlohmann::json::parse(line, nullptr, false);
  }

  const ScratchFolder scratch_;
  PlanCommand command_;
  absl::Status status_;
};

TEST_F(PlanCommandTest, CoefficientsAreTheSharesOfTheShardsSamples) {
  const nlohmann::json plan = Plan();
  EXPECT_EQ(plan.at("icons").at("norm.weight"),
            nlohmann::json({{"icons-00", 0.75}, {"icons-01", 0.25}}));
  EXPECT_EQ(plan.at("words").at("norm.weight"), nlohmann::json({{"words-00", 1.0}}));
}

TEST_F(PlanCommandTest, SettingsOfTheCommandLineCount) {
  command_.overrides = {"method=fedcola"};
  const nlohmann::json plan = Plan();
  // Of images alone, since nobody else has an image side: the same coefficients, attention too.
  EXPECT_EQ(plan.at("icons").at("blockses.0.0.attn.qkv.weight"),
            nlohmann::json({{"icons-00", 0.75}, {"icons-01", 0.25}}));
  command_.overrides = {"aggregation.share=attn", "aggregation.scope=all"};
  EXPECT_EQ(Plan().at("icons").at("blockses.0.0.attn.qkv.weight").size(), 3U)
      << "the text client's counterpart";
}

TEST_F(PlanCommandTest, ForAPersonEqualRowsAreOne) {
  command_.json = false;
  const std::string table = Printed();
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_THAT(table, AllOf(HasSubstr("target icons\n"), HasSubstr("target words\n"),
                           HasSubstr("and the next"), HasSubstr("    0.750000  icons-00\n"),
                           HasSubstr("    1.000000  words-00\n")));
  EXPECT_EQ(table.find("0.750000"), table.rfind("0.750000"));
}

TEST_F(PlanCommandTest, WhatNobodyContributesToIsSaid) {
  command_.json = false;
  command_.overrides = {"aggregation.rule=release", "aggregation.compensation=true"};
  EXPECT_THAT(Printed(), HasSubstr("nobody: stays as it is"))
      << "compensation with scope dataset moves nothing under this rule";
}

TEST_F(PlanCommandTest, ASettingWithoutMeaningIsRefused) {
  command_.overrides = {"aggregation.rule=release", "aggregation.scope=modality_exact",
                        "aggregation.share=attn", "aggregation.compensation=true"};
  EXPECT_EQ(Printed(), "");
  EXPECT_TRUE(absl::IsInvalidArgument(status_)) << status_;
}

TEST_F(PlanCommandTest, ACoordinatorNeedsNoShardOfItsClients) {
  // As it is in a real federation: the test shard is here, the clients' are not.
  const std::filesystem::path words = scratch_ / "words";
  std::filesystem::rename(words / "client-00", words / "test");
  std::filesystem::rename(words / "test/train.shard", words / "test/test.shard");
  std::filesystem::remove_all(std::filesystem::path(scratch_ / "icons") / "client-01");
  testing::internal::CaptureStderr();
  const nlohmann::json plan = Plan();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("count with 1000 samples"));
  EXPECT_EQ(plan.at("words").at("norm.weight"), nlohmann::json({{"words-00", 1.0}}));
  EXPECT_EQ(plan.at("icons").at("norm.weight").at("icons-00"), 30.0 / 1030);
}

TEST_F(PlanCommandTest, ADatasetOfWhichNothingIsHereIsNamed) {
  std::filesystem::remove_all(scratch_ / "words");
  Printed();
  EXPECT_EQ(status_.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status_.message(), AllOf(HasSubstr("dataset words"), HasSubstr("train.shard")));
}

TEST_F(PlanCommandTest, AWrongRunFileIsRefused) {
  command_.run_file = scratch_ / "none.toml";
  Printed();
  EXPECT_TRUE(absl::IsInvalidArgument(status_)) << status_;
  command_.run_file = scratch_ / "run.toml";
  command_.overrides = {"methodd=fedavg"};
  Printed();
  EXPECT_TRUE(absl::IsInvalidArgument(status_)) << status_;
}

TEST_F(PlanCommandTest, FlagsReachTheCommand) {
  CLI::App app;
  PlanCommand command;
  AddPlanFlags(&app, &command);
  app.parse("run.toml --set a=1 --set b=2 --json");
  EXPECT_EQ(command.run_file, "run.toml");
  EXPECT_THAT(command.overrides, testing::ElementsAre("a=1", "b=2"));
  EXPECT_TRUE(command.json);
}

}  // namespace
}  // namespace tributary
