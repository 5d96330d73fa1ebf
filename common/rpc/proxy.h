// Which HTTP proxy, if any, a channel goes through.
//
// gRPC takes a proxy out of the environment by itself. Two rules of ours come before that: traffic
// to a loopback address never leaves the machine, and no_proxy is read as other programs read it,
// with networks (CIDR) and *, which gRPC does not know.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace tributary {

struct Proxy {
  std::string
      variable;  // that names it: grpc_proxy, https_proxy or http_proxy, the first that is set
  std::string address;  // HOST:PORT; a name and password in it are left out
};

// Reads an environment variable; empty if it is not set.
using Environment = std::function<std::string(const char* name)>;
std::string ProcessEnvironment(const char* name);

// The proxy that a channel to `address` (HOST:PORT) uses; nothing for a direct connection.
// no_grpc_proxy, or else no_proxy, lists exceptions with commas between: a name or the end of one
// (".example.org"), an address, a network ("10.0.0.0/8", "fd00::/8"), or * for everything.
std::optional<Proxy> ProxyFor(absl::string_view address,
                              const Environment& environment = ProcessEnvironment);

}  // namespace tributary
