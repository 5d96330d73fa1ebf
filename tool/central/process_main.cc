// tributary-central: what `tributary central` starts. A program of its own, since the operator's
// tool links no LibTorch.

#include <atomic>
#include <cstdio>
#include <exception>
#include <iostream>

#include <CLI/CLI.hpp>

#include "common/base/report.h"
#include "common/base/status.h"
#include "common/base/stop_signal.h"
#include "common/base/version.h"
#include "tool/central/central_run.h"

namespace tributary {
namespace {

void Print(const RunEvent& event) {
  std::cout << event.ToJson().dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
            << std::endl;
}

int Main(int argc, char** argv) {
  BlockStopSignals();
  CentralOptions options;
  CLI::App app("Trains each dataset of a run file on all its data; `tributary central` starts it",
               "tributary-central");
  app.set_version_flag("--version", kSoftwareVersion);
  app.add_option("--run", options.run, "run file (TOML)")->required();
  app.add_option("--set", options.overrides, "key=value, in place of the run file's value")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--out", options.folder, "folder of the run")->required();
  app.footer(
      "Prints each event as a JSON object. SIGTERM and SIGINT stop after the step under way.\n"
      "Exit codes: 0 done or stopped, 1 failed while running, 2 wrong use, 3 data or state "
      "unusable, 4 not permitted.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  std::atomic<bool> stopping = false;
  const StopSignal stop([&](const std::string&) { stopping = true; });
  return ReportEnd("tributary-central", TrainCentrally(options, Print, stopping), true);
}

}  // namespace
}  // namespace tributary

int main(int argc, char** argv) {
  try {
    return tributary::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tributary-central: %s\n", error.what());
    return tributary::kExitFailed;
  }
}
