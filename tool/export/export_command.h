// `tributary export`: a run's global model for other programs.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"

namespace CLI {
class App;
}

namespace tributary {

struct ExportCommand {
  std::string run;                          // folder of a run, finished or under way
  std::string dataset;                      // whose global
  std::optional<int> round = std::nullopt;  // after which; the last committed one
  bool best = false;                        // after the best round, in place of `round`
  std::string format = "safetensors";
  std::string names = "paper";  // of format safetensors
  std::string out;
  bool json = false;
};

void AddExportFlags(CLI::App* app, ExportCommand* command);

// Writes a safetensors file with the model's shape, classes and normalisation in its metadata, or a
// folder that timm or transformers loads, and prints what is in it. NotFound without such a model,
// Aborted if its checkpoint was dropped while it was read, FailedPrecondition for names or formats
// of image models and a model of texts.
absl::Status RunExport(const ExportCommand& command);

}  // namespace tributary
