// Server: one run's coordinator with its store, data and gRPC services, from start to end.
#pragma once

#include "absl/status/status.h"
#include "server/server_options.h"

namespace tributary {

// Runs the federation of `options` until it is finished (OK), was stopped (OK: a stop is not an
// error), or failed. Everything that can be checked is checked before the first client may join:
// run file, data, state folder, certificates, port.
absl::Status RunServer(const ServerOptions& options);

}  // namespace tributary
