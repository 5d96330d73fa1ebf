#include "tool/export/export_command.h"

#include <filesystem>

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "common/tensor/safetensors.h"
#include "tests/scratch_folder.h"

namespace tributary {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ExportCommandTest : public testing::Test {
 protected:
  ExportCommandTest() {
    std::filesystem::create_directories(scratch_ / "run/models");
    Write("icons",
          {{"embeddings.0.cls_token", {{1, 1, 2}, {1, 2}}}, {"norm.weight", {{2}, {3, 4}}}});
    Write("words", {{"norm.weight", {{2}, {3, 4}}}});
    command_ = {.run = scratch_ / "run", .dataset = "icons", .out = scratch_ / "out"};
  }
  void Write(const std::string& dataset, const std::vector<StateDict::Entry>& tensors) {
    StateDict state;
    for (const StateDict::Entry& entry : tensors) {
      ASSERT_TRUE(state.Add(entry.name, entry.tensor).ok());
    }
    ASSERT_TRUE(WriteSafetensors(scratch_ / ("run/models/" + dataset + ".safetensors"), state,
                                 {{"dim", "2"}})
                    .ok());
  }
  std::string Printed() {
    testing::internal::CaptureStdout();
    status_ = RunExport(command_);
    return testing::internal::GetCapturedStdout();
  }

  const ScratchFolder scratch_;
  ExportCommand command_;
  absl::Status status_;
};

TEST_F(ExportCommandTest, AGlobalKeepsItsNamesAndWhatItsFileSays) {
  EXPECT_THAT(Printed(), AllOf(HasSubstr("2 tensors, 4 values"), HasSubstr("the paper's release")));
  ASSERT_TRUE(status_.ok()) << status_;
  const auto file = SafetensorsFile::Open(command_.out);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_NE((*file)->Find("embeddings.0.cls_token"), nullptr);
  EXPECT_EQ((*file)->metadata().at("dim"), "2");
  EXPECT_EQ((*file)->metadata().at("names"), "paper");
}

TEST_F(ExportCommandTest, TimmsNamesOnRequest) {
  command_.names = "timm";
  command_.json = true;
  const auto json = nlohmann::json::parse(Printed());
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(json.at("tensors"), 2);
  EXPECT_EQ(json.at("values"), 4);
  EXPECT_EQ(json.at("file"), command_.out);
  EXPECT_EQ(json.at("metadata").at("names"), "timm");
  const auto state = ReadSafetensors(command_.out);
  ASSERT_TRUE(state.ok()) << state.status();
  ASSERT_NE(state->Find("cls_token"), nullptr);
  EXPECT_EQ(state->Find("cls_token")->values, (std::vector<float>{1, 2}));
}

TEST_F(ExportCommandTest, AModelOfTextsHasNoNamesInTimm) {
  command_.dataset = "words";
  command_.names = "timm";
  Printed();
  EXPECT_TRUE(absl::IsFailedPrecondition(status_)) << status_;
  EXPECT_FALSE(std::filesystem::exists(command_.out)) << "nothing half done is left";
}

TEST_F(ExportCommandTest, AnotherDatasetIsAnsweredWithTheOnesThereAre) {
  command_.dataset = "sounds";
  EXPECT_EQ(Printed(), "");
  EXPECT_TRUE(absl::IsNotFound(status_)) << status_;
  EXPECT_THAT(std::string(status_.message()), HasSubstr("the run has models of icons, words"));
  command_.run = scratch_ / "nothing";
  Printed();
  EXPECT_TRUE(absl::IsNotFound(status_)) << status_;
  EXPECT_THAT(std::string(status_.message()), HasSubstr("holds no finished run"));
}

TEST_F(ExportCommandTest, ADamagedModelIsDataLoss) {
  ASSERT_TRUE(WriteFileAtomically(scratch_ / "run/models/icons.safetensors", "not a model").ok());
  Printed();
  EXPECT_TRUE(absl::IsDataLoss(status_)) << status_;
}

TEST_F(ExportCommandTest, FlagsReachTheCommandAndUnknownNamesDoNot) {
  CLI::App app;
  ExportCommand command;
  AddExportFlags(&app, &command);
  app.parse("a-run --dataset icons --names timm --out file --json");
  EXPECT_EQ(command.run, "a-run");
  EXPECT_EQ(command.dataset, "icons");
  EXPECT_EQ(command.names, "timm");
  EXPECT_EQ(command.out, "file");
  EXPECT_TRUE(command.json);
  EXPECT_THROW(app.parse("a-run --dataset icons --names jax --out file"), CLI::ValidationError);
  EXPECT_THROW(app.parse("a-run --dataset icons"), CLI::RequiredError);
}

}  // namespace
}  // namespace tributary
