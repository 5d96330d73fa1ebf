// `tributary export`: a run's global model as a file for other programs.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace CLI {
class App;
}

namespace tributary {

struct ExportCommand {
  std::string run;      // folder of a finished run
  std::string dataset;  // whose global
  std::string names = "paper";
  std::string out;
  bool json = false;
};

void AddExportFlags(CLI::App* app, ExportCommand* command);

// Writes a safetensors file with the model's shape in its metadata, and prints what is in it.
// NotFound without such a model, FailedPrecondition for timm's names and a model of texts.
absl::Status RunExport(const ExportCommand& command);

}  // namespace tributary
