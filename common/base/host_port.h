// Network addresses as programs and run files give them: HOST:PORT, [V6]:PORT.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace tributary {

// OK if `address` is a host and a port from `least_port` to 65535; an address of IPv6 stands in
// brackets. InvalidArgument says what was found and expected. gRPC would take other text too, and
// listen or dial elsewhere: port 99999 modulo 65536, no port as 443. Names are not looked up.
absl::Status CheckHostPort(absl::string_view address, int least_port);

}  // namespace tributary
