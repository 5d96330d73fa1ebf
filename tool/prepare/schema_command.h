// `tributary schema`: writes the schema of a dataset, which all its owners prepare by
// (common/data/schema.h), from a shard, a list of classes, or a run file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace CLI {
class App;
}

namespace tributary {

struct SchemaCommand {
  std::string shard;    // a .shard file, or a folder that holds one
  std::string classes;  // a file: one name a line, in the order of labels
  std::string run;      // a run file
  // With `run`: which of its datasets. With `classes`: how run files call it.
  std::string dataset;
  std::string modality;  // with `classes`
  int64_t image_size = 0;
  int64_t channels = 3;
  std::vector<float> mean, deviation;  // empty: 0.5 for each channel
  std::vector<std::string> overrides;  // key=value, of the run file
  std::string out;                     // file; empty: standard output
};

// Adds the subcommand's flags to `app`; `command` must outlive the parsing.
void AddSchemaFlags(CLI::App* app, SchemaCommand* command);

// Prints the schema as JSON, or writes it to `out`.
absl::Status RunSchema(const SchemaCommand& command);

}  // namespace tributary
