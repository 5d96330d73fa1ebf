#include "tool/export/export_command.h"

#include <filesystem>

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "common/model/model_file.h"
#include "common/tensor/safetensors.h"
#include "server/store/run_store.h"
#include "tests/scratch_folder.h"
#include "tests/unit/common/model/tiny_model.h"

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
  // The icons' norm.weight becomes the round's number.
  void Commit(int round) {
    auto store = RunStore::Open(scratch_ / "run");
    ASSERT_TRUE(store.ok()) << store.status();
    ModelSet models;
    const auto value = static_cast<float>(round);
    ASSERT_TRUE(models.globals["icons"].Add("norm.weight", {{2}, {value, value}}).ok());
    RoundRecord record;
    record.round = round;
    ASSERT_TRUE((*store)->Commit(record, models, absl::UnixEpoch()).ok());
    ASSERT_TRUE(
        WriteFileAtomically(scratch_ / "run/models.json", R"({"icons": {"heads": "7"}})").ok());
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

TEST_F(ExportCommandTest, ARunUnderWayGivesItsCheckpointsWithWhatModelsJsonSays) {
  Commit(3);
  Commit(4);
  EXPECT_THAT(Printed(), HasSubstr("after round 4"));
  ASSERT_TRUE(status_.ok()) << status_;
  auto file = SafetensorsFile::Open(command_.out);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->metadata().at("heads"), "7");
  EXPECT_EQ((*file)->metadata().at("round"), "4");
  EXPECT_EQ(ReadSafetensors(command_.out)->Find("norm.weight")->values[0], 4);
  command_.round = 3;
  Printed();
  EXPECT_EQ(ReadSafetensors(command_.out)->Find("norm.weight")->values[0], 3);
  command_.round = 2;
  Printed();
  EXPECT_TRUE(absl::IsNotFound(status_)) << status_;
  EXPECT_THAT(std::string(status_.message()), HasSubstr("it holds those of 3, 4"));
}

TEST_F(ExportCommandTest, ARoundNeedsARunDb) {
  command_.round = 1;
  Printed();
  EXPECT_TRUE(absl::IsNotFound(status_)) << status_;
  EXPECT_THAT(std::string(status_.message()), HasSubstr("run.db"));
}

TEST_F(ExportCommandTest, TheBestRoundsModelIsThatOfItsFolder) {
  Commit(3);
  command_.best = true;
  Printed();
  EXPECT_EQ(status_.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status_.message(), HasSubstr("evaluation.best"));
  std::filesystem::create_directories(scratch_ / "run/best");
  StateDict state;
  ASSERT_TRUE(state.Add("norm.weight", {{2}, {1, 1}}).ok());
  ASSERT_TRUE(WriteSafetensors(scratch_ / "run/best/icons.safetensors", state, {}).ok());
  ASSERT_TRUE(WriteFileAtomically(
                  scratch_ / "run/best/best.json",
                  R"({"round": 1, "metric": "icons.accuracy", "value": 61.5, "model_hash": "ab"})")
                  .ok());
  EXPECT_THAT(Printed(), HasSubstr("after round 1"));
  ASSERT_TRUE(status_.ok()) << status_;
  const auto file = SafetensorsFile::Open(command_.out);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(ReadSafetensors(command_.out)->Find("norm.weight")->values[0], 1) << "not round 3's";
  EXPECT_EQ((*file)->metadata().at("metric"), "icons.accuracy");
  EXPECT_EQ((*file)->metadata().at("value"), "61.5");
  EXPECT_EQ((*file)->metadata().at("heads"), "7");
  command_.dataset = "sounds";
  Printed();
  EXPECT_EQ(status_.code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(WriteFileAtomically(scratch_ / "run/best/best.json", "{").ok());
  command_.dataset = "icons";
  Printed();
  EXPECT_EQ(status_.code(), absl::StatusCode::kDataLoss);
}

TEST_F(ExportCommandTest, ModelsJsonThatCannotBeReadIsDataLoss) {
  for (const char* bad : {"[", "[]", "{}", R"({"icons": 3})", R"({"icons": {"heads": 3}})"}) {
    ASSERT_TRUE(WriteFileAtomically(scratch_ / "run/models.json", bad).ok());
    Printed();
    EXPECT_TRUE(absl::IsDataLoss(status_)) << bad << status_;
  }
}

TEST_F(ExportCommandTest, FoldersNameWhatTheirLibrariesLoad) {
  const StateDict global = TinyState(TinySpec(), Modality::kImage);
  FileMetadata metadata = ModelMetadata(TinySpec(), Modality::kImage);
  AddDataMetadata({.class_names = {"x", "y", "z"}, .mean = {0.25F}, .deviation = {0.5F}},
                  &metadata);
  ASSERT_TRUE(WriteSafetensors(scratch_ / "run/models/icons.safetensors", global, metadata).ok());
  const auto read = [&](const std::string& name) {
    return nlohmann::json::parse(*ReadFile(command_.out + "/" + name));
  };
  command_.format = "timm";
  EXPECT_THAT(Printed(), HasSubstr("names of timm"));
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(read("config.json").at("model_args").at("num_heads"), 2);
  EXPECT_EQ(read("config.json").at("label_names").at(1), "y");
  EXPECT_EQ(read("config.json").at("pretrained_cfg").at("mean"), nlohmann::json({.25, .25, .25}));
  EXPECT_NE(ReadSafetensors(command_.out + "/model.safetensors")->Find("cls_token"), nullptr);
  command_.format = "transformers";
  command_.out = scratch_ / "hf";
  Printed();
  ASSERT_TRUE(status_.ok()) << status_;
  EXPECT_EQ(read("config.json").at("layer_norm_eps"), 1e-5);
  EXPECT_EQ(read("config.json").at("id2label").at("2"), "z");
  EXPECT_EQ(read("preprocessor_config.json").at("image_std"), nlohmann::json({.5, .5, .5}));
}

TEST_F(ExportCommandTest, AFolderNeedsTheShapeInTheMetadata) {
  command_.format = "timm";
  Printed();
  EXPECT_TRUE(absl::IsInvalidArgument(status_)) << status_;
  EXPECT_THAT(std::string(status_.message()), HasSubstr("depth"));
  EXPECT_FALSE(std::filesystem::exists(command_.out)) << "nothing half done is left";
}

TEST_F(ExportCommandTest, FlagsReachTheCommandAndUnknownNamesDoNot) {
  CLI::App app;
  ExportCommand command;
  AddExportFlags(&app, &command);
  app.parse("a-run --dataset icons --names timm --round 3 --out file --json");
  EXPECT_EQ(command.round, 3);
  EXPECT_EQ(command.run, "a-run");
  EXPECT_EQ(command.dataset, "icons");
  EXPECT_EQ(command.names, "timm");
  EXPECT_EQ(command.out, "file");
  EXPECT_TRUE(command.json);
  EXPECT_THROW(app.parse("a-run --dataset icons --names jax --out file"), CLI::ValidationError);
  EXPECT_THROW(app.parse("a-run --dataset icons"), CLI::RequiredError);
  EXPECT_THROW(app.parse("a-run --dataset icons --names timm --format timm --out file"),
               CLI::ExcludesError);
}

}  // namespace
}  // namespace tributary
