// Reads and checks the certificate files of one side of a TLS connection.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/config/run_config.h"

namespace tributary {

// Contents of the three files, PEM.
struct PemFiles {
  std::string certificate, key, authority;
};

// Reads the files that `tls` names; all three must be named. NotFound, PermissionDenied: a file
// cannot be read. FailedPrecondition: not PEM, an encrypted key, a key that does not fit the
// certificate, a certificate that is not valid now. Messages begin with the file's path.
absl::StatusOr<PemFiles> ReadPemFiles(const TlsConfig& tls);

}  // namespace tributary
