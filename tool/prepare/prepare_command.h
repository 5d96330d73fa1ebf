// `tributary prepare`: makes shards out of a dataset.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "preparation/prepare.h"

namespace CLI {
class App;
}

namespace tributary {

struct PrepareCommand {
  PrepareOptions options;
  std::string store = "pixels";
  std::vector<std::string> columns;  // ROLE=COLUMN
  std::string schema;                // file; empty: none
  std::string unknown_labels = "refuse";
  std::string window;  // LOW:HIGH or auto
  std::string orientation = "keep";
  bool quickstart = false;
  bool json = false;
};

// Adds the subcommand's flags to `app`; `command` must outlive the parsing.
void AddPrepareFlags(CLI::App* app, PrepareCommand* command);

// Prepares; prints tables, or with --json one report per dataset and line. Progress goes to stderr.
absl::Status RunPrepare(const PrepareCommand& command);

}  // namespace tributary
