// What `tributary run` checks before it starts anything. Beside the test program there are no
// programs to start.
#include "tool/run/run_command.h"

#include <filesystem>

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "preparation/shards/shard_writer.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class RunCommandTest : public testing::Test {
 protected:
  RunCommandTest() {
    for (int client = 0; client < 2; ++client) WriteShard(absl::StrCat("client-0", client));
    EXPECT_TRUE(
        WriteFileAtomically(
            scratch_ / "run.toml",
            absl::StrCat("name = \"tiny\"\nmethod = \"fedavg\"\n[[datasets]]\nname = \"words\"\n"
                         "modality = \"text\"\nclients = 2\npath = \"",
                         scratch_ / "words", "\"\n"))
            .ok());
    command_.run_file = scratch_ / "run.toml";
    command_.out = scratch_ / "out";
  }
  void WriteShard(const std::string& client) const {
    std::filesystem::create_directories(scratch_ / ("words/" + client));
    ShardWriter writer(scratch_ / ("words/" + client + "/train.shard"),
                       {.dataset = "words",
                        .modality = Modality::kText,
                        .part = "train",
                        .classes = {"a"},
                        .mean = {},
                        .deviation = {}});
    writer.AddRow(0, 0, "a word");
    ASSERT_TRUE(writer.Finish().ok());
  }
  // `tributary-server` is not there: the end of what this test can see.
  static bool WasAboutToStart(const absl::Status& status) {
    return absl::IsNotFound(status) && absl::StrContains(status.message(), "tributary-server");
  }

  const ScratchFolder scratch_;
  RunCommand command_;
};

TEST_F(RunCommandTest, StartsWhereEverythingIsThere) {
  const absl::Status status = RunFederation(command_);
  EXPECT_TRUE(WasAboutToStart(status)) << status;
}

TEST_F(RunCommandTest, EveryClientsShardMustBeThere) {
  std::filesystem::remove(scratch_ / "words/client-01/train.shard");
  const absl::Status status = RunFederation(command_);
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("dataset words, client 1"));
  EXPECT_FALSE(std::filesystem::exists(command_.out)) << "nothing was made";
}

TEST_F(RunCommandTest, ADamagedShardIsNamed) {
  ASSERT_TRUE(WriteFileAtomically(scratch_ / "words/client-00/train.shard", "short").ok());
  const absl::Status status = RunFederation(command_);
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("client 0"));
}

TEST_F(RunCommandTest, AFinishedRunIsKeptUnlessAFreshOneIsAskedFor) {
  std::filesystem::create_directories(command_.out + "/models");
  ASSERT_TRUE(WriteFileAtomically(command_.out + "/result.json", "{}").ok());
  const absl::Status refused = RunFederation(command_);
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), AllOf(HasSubstr(command_.out), HasSubstr("--fresh")));
  EXPECT_TRUE(std::filesystem::exists(command_.out + "/result.json"));
  command_.fresh = true;
  EXPECT_TRUE(WasAboutToStart(RunFederation(command_)));
  EXPECT_FALSE(std::filesystem::exists(command_.out + "/result.json"));
  EXPECT_FALSE(std::filesystem::exists(command_.out + "/models"));
}

TEST_F(RunCommandTest, AnUnfinishedRunIsGoneOnWithEvenIfAFreshOneIsAskedFor) {
  std::filesystem::create_directories(command_.out);
  ASSERT_TRUE(WriteFileAtomically(command_.out + "/run.db", "state").ok());
  command_.fresh = true;
  EXPECT_TRUE(WasAboutToStart(RunFederation(command_)));
  EXPECT_TRUE(std::filesystem::exists(command_.out + "/run.db"));
}

TEST_F(RunCommandTest, AWrongSettingIsRefused) {
  command_.overrides = {"rounds=none"};
  EXPECT_TRUE(absl::IsInvalidArgument(RunFederation(command_)));
}

TEST_F(RunCommandTest, FlagsReachTheCommand) {
  CLI::App app;
  RunCommand command;
  AddRunFlags(&app, &command);
  app.parse("run.toml --set a=1 --out folder --fresh --json");
  EXPECT_EQ(command.run_file, "run.toml");
  EXPECT_THAT(command.overrides, testing::ElementsAre("a=1"));
  EXPECT_EQ(command.out, "folder");
  EXPECT_TRUE(command.fresh);
  EXPECT_TRUE(command.json);
}

}  // namespace
}  // namespace tributary
