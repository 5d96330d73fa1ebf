#include "tool/export/export_command.h"

#include <filesystem>
#include <iostream>
#include <map>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/model/model_file.h"
#include "common/tensor/safetensors.h"

namespace tributary {
namespace {

// The datasets of which the run's folder has models, for the message when the asked one is missing.
std::vector<std::string> ModelsOf(const std::string& run) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(run + "/models", error)) {
    if (entry.path().extension() == ".safetensors") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

void AddExportFlags(CLI::App* app, ExportCommand* command) {
  app->add_option("run", command->run, "folder of a finished run")->required();
  app->add_option("--dataset", command->dataset, "whose global model")->required();
  app->add_option(
         "--names", command->names,
         "paper: those of the paper's release; timm: those of timm's ViTs, image parts only")
      ->check(CLI::IsMember({"paper", "timm"}))
      ->capture_default_str();
  app->add_option("--out", command->out, "file to write (safetensors)")->required();
  app->add_flag("--json", command->json, "print one JSON object");
}

absl::Status RunExport(const ExportCommand& command) {
  const std::string path = absl::StrCat(command.run, "/models/", command.dataset, ".safetensors");
  const auto file = SafetensorsFile::Open(path);
  if (absl::IsNotFound(file.status())) {
    const std::vector<std::string> models = ModelsOf(command.run);
    return absl::NotFoundError(absl::StrCat(
        path, " is not there; ",
        models.empty() ? absl::StrCat(command.run, " holds no finished run")
                       : absl::StrCat("the run has models of ", absl::StrJoin(models, ", "))));
  }
  RETURN_IF_ERROR(file.status());
  ASSIGN_OR_RETURN(StateDict global, ReadSafetensors(path));
  if (command.names == "timm") {
    ASSIGN_OR_RETURN(global, InTimmNames(global));
  }
  std::map<std::string, std::string> metadata = (*file)->metadata();
  metadata["names"] = command.names;
  RETURN_IF_ERROR(WriteSafetensors(command.out, global, metadata));
  size_t values = 0;
  for (const StateDict::Entry& entry : global) values += entry.tensor.values.size();
  if (command.json) {
    std::cout << nlohmann::json({{"file", command.out},
                                 {"tensors", global.size()},
                                 {"values", values},
                                 {"metadata", metadata}})
                     .dump()
              << std::endl;
  } else {
    std::cout << command.out << ": " << global.size() << " tensors, " << values
              << " values, names of " << (command.names == "timm" ? "timm" : "the paper's release")
              << std::endl;
  }
  return absl::OkStatus();
}

}  // namespace tributary
