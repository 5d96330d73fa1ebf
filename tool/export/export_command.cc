#include "tool/export/export_command.h"

#include <iostream>
#include <utility>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/model/model_file.h"
#include "common/tensor/safetensors.h"
#include "tool/export/model_folder.h"
#include "tool/export/run_model.h"

namespace tributary {
namespace {

// Writes the model in the command's format; returns the tensors as they were written.
absl::StatusOr<StateDict> Write(const ExportCommand& command, RunModel model) {
  if (command.format == "timm") return WriteTimmFolder(model, command.out);
  if (command.format == "transformers") return WriteTransformersFolder(model, command.out);
  if (command.names == "timm") {
    ASSIGN_OR_RETURN(model.global, InTimmNames(model.global));
  }
  RETURN_IF_ERROR(WriteSafetensors(command.out, model.global, model.metadata));
  return std::move(model.global);
}

std::string NamesOf(const ExportCommand& command) {
  return command.format == "safetensors" ? command.names : command.format;
}

}  // namespace

void AddExportFlags(CLI::App* app, ExportCommand* command) {
  app->add_option("run", command->run, "folder of a run, finished or under way")->required();
  app->add_option("--dataset", command->dataset, "whose global model")->required();
  app->add_option("--round", command->round,
                  "the model after this round, of those whose checkpoints are kept; without it: "
                  "after the last one")
      ->check(CLI::NonNegativeNumber);
  app->add_flag("--best", command->best,
                "the model after the best round so far, of a run with evaluation.best")
      ->excludes("--round");
  CLI::Option* const format =
      app->add_option("--format", command->format,
                      "safetensors: one file; timm, transformers: a folder that the library loads, "
                      "image parts only")
          ->check(CLI::IsMember({"safetensors", "timm", "transformers"}))
          ->capture_default_str();
  app->add_option(
         "--names", command->names,
         "paper: those of the paper's release; timm: those of timm's ViTs, image parts only")
      ->check(CLI::IsMember({"paper", "timm"}))
      ->excludes(format)
      ->capture_default_str();
  app->add_option("--out", command->out, "file to write, or folder")->required();
  app->add_flag("--json", command->json, "print one JSON object");
}

absl::Status RunExport(const ExportCommand& command) {
  ASSIGN_OR_RETURN(RunModel model, command.best
                                       ? ReadBestModel(command.run, command.dataset)
                                       : ReadRunModel(command.run, command.dataset, command.round));
  model.metadata["names"] = NamesOf(command);
  const FileMetadata metadata = model.metadata;
  const absl::StatusOr<StateDict> written = Write(command, std::move(model));
  if (!written.ok()) return Annotate(written.status(), command.dataset);
  if (command.json) {
    std::cout << nlohmann::json({{"file", command.out},
                                 {"tensors", written->size()},
                                 {"values", written->ElementCount()},
                                 {"metadata", metadata}})
                     .dump()
              << std::endl;
    return absl::OkStatus();
  }
  const auto round = metadata.find("round");
  std::cout << command.out << ": " << written->size() << " tensors, " << written->ElementCount()
            << " values, names of "
            << (NamesOf(command) == "paper" ? "the paper's release" : NamesOf(command))
            << (round == metadata.end() ? "" : absl::StrCat(", after round ", round->second))
            << std::endl;
  return absl::OkStatus();
}

}  // namespace tributary
