// Turns certificate files into gRPC credentials: mutual TLS, or plain text where that is allowed.
//
// All three files (certificate, key, authority) give mutual TLS: each side shows a certificate and
// checks that the other's is signed by `authority`. None of them gives plain text, which is allowed
// only if the address is a loopback one or `insecure` is set by name. The files are read and
// checked here, so that a wrong one is reported by its path and not as a failed handshake.
//
// A certificate names its holder in a subject alternative name of the form
// "tributary://<role>/<name>", as deploy/make-certs.sh makes it.
#pragma once

#include <memory>
#include <string>

#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/config/run_config.h"

namespace tributary {

// Credentials for dialling `address` ("HOST:PORT"). InvalidArgument if some files are given and
// others not, if files are given together with `insecure`, or if plain text is not allowed;
// NotFound, PermissionDenied if a file cannot be read; FailedPrecondition if it is not PEM, if the
// key does not fit the certificate, or if the certificate is not valid today.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(
    const TlsConfig& tls, absl::string_view address);

// The same for listening on `address`. Clients must show a certificate that `authority` signed.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsConfig& tls, absl::string_view address);

// Whether the host of `address` is "localhost", in 127.0.0.0/8 or ::1. Does not ask a name server.
bool IsLoopback(absl::string_view address);

enum class PeerRole {
  kUnknown,   // plain text, or a certificate without a tributary:// name
  kClient,    // may use service Federation, under its own name only
  kOperator,  // may use service Operator
  kCoordinator
};

struct PeerIdentity {
  bool encrypted = false;  // false: plain text, nobody has shown a certificate
  PeerRole role = PeerRole::kUnknown;
  std::string name;  // of the client or operator; empty if unknown
};

// Who is at the other end of a call (ServerContext::auth_context()).
PeerIdentity IdentityOf(const grpc::AuthContext& context);

// Whether `peer` may act as client `name` / as an operator. Plain text: yes, there is nothing to
// check against. With TLS: PermissionDenied unless the certificate names that role (and that name).
absl::Status CheckMayActAsClient(const PeerIdentity& peer, absl::string_view name);
absl::Status CheckMayOperate(const PeerIdentity& peer);

}  // namespace tributary
