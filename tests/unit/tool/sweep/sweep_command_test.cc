// A sweep whose runs are this program: `run RUN_FILE --out FOLDER --json --set KEY=VALUE...` writes
// a result, or fails where the run is named so.
#include "tool/sweep/sweep_command.h"

#include <cstdio>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kRunFile[] = R"toml(
name = "tiny"
method = "fedavg"
rounds = 2
[[datasets]]
name = "words"
modality = "text"
clients = 1
path = "words"
)toml";

class SweepCommandTest : public testing::Test {
 protected:
  SweepCommandTest() {
    EXPECT_TRUE(WriteFileAtomically(scratch_ / "run.toml", kRunFile).ok());
    SetSweep("seeds = [1, 2]", "rounds=3");
    command_ = {.sweep_file = scratch_ / "sweep.toml", .out = scratch_ / "out", .jobs = 2};
  }
  void SetSweep(const std::string& seeds, const std::string& second_row) {
    EXPECT_TRUE(WriteFileAtomically(
                    scratch_ / "sweep.toml",
                    absl::StrCat("run = \"", scratch_ / "run.toml", "\"\n", seeds,
                                 "\n[[rows]]\nname = \"Plain\"\n[[rows]]\nname = \"Other\"\n"
                                 "set = [\"",
                                 second_row, "\"]\n"))
                    .ok());
  }
  std::string Printed() {
    testing::internal::CaptureStdout();
    status_ = RunSweep(command_);
    return testing::internal::GetCapturedStdout();
  }
  std::vector<nlohmann::json> Events() {
    command_.json = true;
    std::vector<nlohmann::json> events;
    for (const auto line : absl::StrSplit(Printed(), '\n', absl::SkipEmpty())) {
      events.push_back(nlohmann::json::parse(line.begin(), line.end()));
    }
    return events;
  }
  // How many runs were started, in all sweeps of this test.
  size_t Starts() const {
    size_t starts = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(command_.out)) {
      if (entry.path().filename() == "starts") starts += ReadFile(entry.path())->size();
    }
    return starts;
  }

  const ScratchFolder scratch_;
  SweepCommand command_;
  absl::Status status_;
};

TEST_F(SweepCommandTest, RunsEveryRowWithEverySeedAndSumsUp) {
  const std::vector<nlohmann::json> events = Events();
  ASSERT_TRUE(status_.ok()) << status_;
  ASSERT_THAT(events, SizeIs(5)) << "four runs and the end";
  EXPECT_EQ(events[0].at("kind"), "run_finished");
  EXPECT_EQ(events[4].at("kind"), "sweep_finished");
  const auto summary = nlohmann::json::parse(*ReadFile(scratch_ / "out/summary.json"));
  EXPECT_EQ(summary, events[4].at("summary"));
  for (const nlohmann::json& row : summary.at("rows")) {
    EXPECT_THAT(row.at("seeds").get<std::vector<int>>(), testing::UnorderedElementsAre(1, 2));
    EXPECT_EQ(row.at("figures").at("words.accuracy").at("mean"), 51.5) << "50 + the seed";
  }
}

TEST_F(SweepCommandTest, EachRunGetsTheRowsSettingsAndItsSeed) {
  Printed();
  const auto result = nlohmann::json::parse(*ReadFile(scratch_ / "out/other/seed-2/result.json"));
  EXPECT_EQ(result.at("arguments"),
            nlohmann::json({"run", scratch_ / "run.toml", "--out", scratch_ / "out/other/seed-2",
                            "--json", "--set", "rounds=3", "--set", "seed=2"}));
  const auto settings = nlohmann::json::parse(*ReadFile(scratch_ / "out/other/seed-2/sweep.json"));
  EXPECT_EQ(settings.at("set"), nlohmann::json({"rounds=3", "seed=2"}));
}

TEST_F(SweepCommandTest, WhatIsDoneIsNotDoneAgain) {
  Printed();
  EXPECT_EQ(Starts(), 4U);
  EXPECT_THAT(Printed(), AllOf(HasSubstr("4 runs, 4 of them done already"), HasSubstr("51.50")));
  EXPECT_EQ(Starts(), 4U);
  SetSweep("seeds = [1, 2, 3]", "rounds=3");
  Printed();
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(Starts(), 6U) << "the new seed's runs";
}

TEST_F(SweepCommandTest, ARunThatFailsDoesNotStopTheOthers) {
  SetSweep("seeds = [1, 2]", "name=fails");
  const std::string printed = Printed();
  EXPECT_TRUE(absl::IsInternal(status_)) << status_;
  EXPECT_THAT(std::string(status_.message()), HasSubstr("2 of 4 runs failed"));
  EXPECT_THAT(printed,
              AllOf(HasSubstr("Other, seed 1: failed (exit code 3): the disk is full; see"),
                    HasSubstr("Plain, seed 2: words 52.0 %")));
  EXPECT_EQ(Starts(), 4U);
  Printed();
  EXPECT_EQ(Starts(), 6U) << "the same command tries the failed ones again, and those alone";
}

TEST_F(SweepCommandTest, AFolderOfOtherSettingsIsLeftAlone) {
  Printed();
  SetSweep("seeds = [1, 2]", "rounds=4");
  Printed();
  EXPECT_TRUE(absl::IsFailedPrecondition(status_)) << status_;
  EXPECT_THAT(std::string(status_.message()), HasSubstr("out/other/seed-1"));
  EXPECT_EQ(Starts(), 4U);
}

TEST_F(SweepCommandTest, AChangedRunFileIsOtherSettings) {
  Printed();
  ASSERT_TRUE(WriteFileAtomically(scratch_ / "run.toml", absl::StrCat("# changed", kRunFile)).ok());
  Printed();
  EXPECT_TRUE(absl::IsFailedPrecondition(status_)) << status_;
}

TEST_F(SweepCommandTest, WrongSettingsAreFoundBeforeAnythingRuns) {
  SetSweep("seeds = [1]", "roundz=4");
  Printed();
  EXPECT_TRUE(absl::IsInvalidArgument(status_)) << status_;
  EXPECT_THAT(std::string(status_.message()),
              AllOf(HasSubstr("row \"Other\""), HasSubstr("rounds")));
  EXPECT_EQ(Starts(), 0U);
  std::filesystem::remove(scratch_ / "run.toml");
  Printed();
  EXPECT_TRUE(absl::IsInvalidArgument(status_)) << status_;
  command_.sweep_file = scratch_ / "none.toml";
  Printed();
  EXPECT_TRUE(absl::IsInvalidArgument(status_)) << status_;
  EXPECT_THAT(std::string(status_.message()), HasSubstr("none.toml"));
}

TEST_F(SweepCommandTest, ADamagedResultIsARunThatIsNotDone) {
  Printed();
  ASSERT_TRUE(WriteFileAtomically(scratch_ / "out/plain/seed-1/result.json", "{").ok());
  Printed();
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(Starts(), 5U);
}

TEST_F(SweepCommandTest, FlagsReachTheCommand) {
  CLI::App app;
  SweepCommand command;
  AddSweepFlags(&app, &command);
  app.parse("sweep.toml --out folder --jobs 3 --json");
  EXPECT_EQ(command.sweep_file, "sweep.toml");
  EXPECT_EQ(command.out, "folder");
  EXPECT_EQ(command.jobs, 3);
  EXPECT_TRUE(command.json);
  EXPECT_THROW(app.parse("sweep.toml --jobs 0"), CLI::ValidationError);
  EXPECT_THROW(app.parse(""), CLI::RequiredError);
}

// What stands in for `tributary run`.
int PretendToRun(const std::vector<std::string>& arguments) {
  const std::string& folder = arguments.at(3);
  std::FILE* starts = std::fopen((folder + "/starts").c_str(), "a");
  std::fputc('x', starts);
  std::fclose(starts);
  int seed = 0;
  for (const std::string& argument : arguments) {
    if (argument.rfind("seed=", 0) == 0) seed = std::stoi(argument.substr(5));
    if (argument == "name=fails") {
      std::puts(R"({"kind":"error","message":"the disk is full"})");
      return 3;
    }
  }
  const nlohmann::json result = {
      {"seed", seed},
      {"arguments", arguments},
      {"tasks", {{"words", {{"kind", "classification"}, {"accuracy", 50.0 + seed}}}}}};
  return WriteFileAtomically(folder + "/result.json", result.dump()).ok() ? 0 : 1;
}

}  // namespace
}  // namespace tributary

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "run") {
    return tributary::PretendToRun({argv + 1, argv + argc});
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
