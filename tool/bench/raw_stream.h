// The limit that gRPC sets on this machine: the same bytes through plain streams of 1 MiB messages,
// by the synchronous interface, without checks, codecs or sums.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"

namespace tributary {

// Serves `clients` clients for `rounds` rounds on a free port of the loopback. Calls `on_listening`
// with the address, and `on_round` with the seconds from the moment when all clients were ready to
// the moment when all have pulled and pushed. FailedPrecondition if there is no port; Unavailable
// if the clients do not come or go on.
absl::Status ServeRawStreams(int clients, int rounds, int64_t bytes,
                             const std::function<void(const std::string&)>& on_listening,
                             const std::function<void(double seconds)>& on_round);

// One client: in each round pulls and pushes `bytes`.
absl::Status RunRawClient(const std::string& address, int rounds, int64_t bytes);

}  // namespace tributary
