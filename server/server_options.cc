#include "server/server_options.h"

#include <iostream>
#include <sstream>

#include <CLI/CLI.hpp>

#include "common/base/host_port.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/base/version.h"

namespace tributary {

absl::StatusOr<std::optional<ServerOptions>> ParseServerOptions(int argc, const char* const* argv) {
  ServerOptions options;
  CLI::App app("The coordinator of a Tributary federation", "tributary-server");
  app.set_version_flag("--version", kSoftwareVersion);
  app.add_option("--run", options.run, "run file (TOML)")->envname("TRIBUTARY_RUN")->required();
  app.add_option("--set", options.overrides, "key=value, in place of the run file's value")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--state", options.state, "state folder; made if it is not there")
      ->envname("TRIBUTARY_STATE")
      ->required();
  app.add_option("--listen", options.listen,
                 "HOST:PORT, in place of server.listen; port 0: any free one")
      ->envname("TRIBUTARY_LISTEN");
  app.add_flag("--json", options.json, "print each event as a JSON object")
      ->envname("TRIBUTARY_JSON");
  app.footer(
      "SIGTERM and SIGINT stop the run in order; the same command goes on with it later.\n"
      "Exit codes: 0 done or stopped, 1 failed while running, 2 wrong use, 3 data or state "
      "unusable, "
      "4 not permitted.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    if (app.exit(error, out, err) == 0) {
      std::cout << out.str();
      return std::optional<ServerOptions>();
    }
    return absl::InvalidArgumentError(error.what());
  }
  if (!options.listen.empty()) {
    RETURN_IF_ERROR(Annotate(CheckHostPort(options.listen, 0), "--listen"));
  }
  return std::optional<ServerOptions>(std::move(options));
}

}  // namespace tributary
