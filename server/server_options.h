// Flags of tributary-server.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace tributary {

struct ServerOptions {
  std::string run;                     // --run: run file
  std::vector<std::string> overrides;  // --set key=value
  std::string state;                   // --state: folder
  std::string listen;                  // --listen: overrides server.listen
  bool json = false;                   // --json: events as JSON lines on standard output
};

// The options; nothing if --help or --version was asked for and printed. InvalidArgument for wrong
// use.
absl::StatusOr<std::optional<ServerOptions>> ParseServerOptions(int argc, const char* const* argv);

}  // namespace tributary
