// Flags of tributary-client, each with an environment variable for containers.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/config/run_config.h"

namespace tributary {

struct ClientOptions {
  std::string server;      // --server, TRIBUTARY_SERVER
  std::string data;        // --data, TRIBUTARY_DATA
  std::string test;        // --test, TRIBUTARY_TEST; empty: test.shard in `data`, if it is there
  std::string public_set;  // --public, TRIBUTARY_PUBLIC; empty: none
  std::string state;       // --state, TRIBUTARY_STATE
  std::string name;        // --name, TRIBUTARY_NAME
  std::string device = "auto";  // --device, TRIBUTARY_DEVICE
  int threads = 0;              // --threads, TRIBUTARY_THREADS; 0: all cores
  // --loader-threads, TRIBUTARY_LOADER_THREADS; 0: half of the cores, at least 1
  int loader_threads = 0;
  std::string vocabulary;  // --vocabulary, TRIBUTARY_VOCABULARY; empty: the one that ships
  TlsConfig tls;           // --tls-cert, --tls-key, --tls-ca, --insecure, TRIBUTARY_TLS_CERT, ...
  bool json = false;       // --json, TRIBUTARY_JSON
  bool stay = false;       // --stay, TRIBUTARY_STAY
  // With --stay and without the flag: no limit.
  absl::Duration connect_timeout = absl::Minutes(10);  // --connect-timeout, seconds
  absl::Duration reconnect_timeout = absl::Hours(24);  // --reconnect-timeout, seconds
};

// The options; or nothing if --help or --version was asked for, whose text has then been printed to
// standard output. InvalidArgument for a wrong flag, value or name.
absl::StatusOr<std::optional<ClientOptions>> ParseClientOptions(int argc, const char* const* argv);

}  // namespace tributary
