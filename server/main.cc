// tributary-server: the coordinator.

#include <cstdio>
#include <exception>

#include "common/base/report.h"
#include "common/base/status.h"
#include "common/base/stop_signal.h"
#include "server/server.h"
#include "server/server_options.h"

namespace tributary {
namespace {

int Main(int argc, char** argv) {
  BlockStopSignals();
  const auto options = ParseServerOptions(argc, argv);
  if (options.ok() && !options->has_value()) return kExitDone;
  const absl::Status status = options.ok() ? RunServer(**options) : options.status();
  return ReportEnd("tributary-server", status, options.ok() && (*options)->json);
}

}  // namespace
}  // namespace tributary

int main(int argc, char** argv) {
  try {
    return tributary::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tributary-server: %s\n", error.what());
    return tributary::kExitFailed;
  }
}
