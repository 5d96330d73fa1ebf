#include "common/rpc/credentials.h"

#include <arpa/inet.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "common/rpc/pem_files.h"

namespace tributary {
namespace {

constexpr absl::string_view kScheme = "tributary://";

// "HOST" of "HOST:PORT", "[HOST]:PORT" or "HOST".
absl::string_view HostOf(absl::string_view address) {
  for (absl::string_view scheme : {"dns:///", "ipv4:", "ipv6:"}) {
    absl::ConsumePrefix(&address, scheme);
  }
  if (absl::ConsumePrefix(&address, "[")) return address.substr(0, address.find(']'));
  const size_t colon = address.rfind(':');
  // More than one colon without brackets: an IPv6 address without a port.
  if (colon == address.npos || address.find(':') != colon) return address;
  return address.substr(0, colon);
}

// True: TLS with the three files. False: plain text. Some files without the others are an error and
// not plain text: a forgotten flag must not switch encryption off.
absl::StatusOr<bool> WantsTls(const TlsConfig& tls, absl::string_view address) {
  const int given = !tls.certificate.empty() + !tls.key.empty() + !tls.authority.empty();
  if (given != 0 && given != 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("TLS needs certificate, key and authority; missing:",
                     tls.certificate.empty() ? " certificate" : "", tls.key.empty() ? " key" : "",
                     tls.authority.empty() ? " authority" : ""));
  }
  if (given == 3 && tls.insecure) {
    return absl::InvalidArgumentError(
        "certificate files and `insecure` are both given: leave one of them out");
  }
  if (given == 0 && !tls.insecure && !IsLoopback(address)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "plain text to or on ", address,
        " is refused because it is not a loopback address: give certificate, key and authority "
        "(deploy/make-certs.sh makes them), or ask for `insecure` by name"));
  }
  return given == 3;
}

PeerRole RoleOf(absl::string_view word) {
  if (word == "client") return PeerRole::kClient;
  if (word == "operator") return PeerRole::kOperator;
  if (word == "coordinator") return PeerRole::kCoordinator;
  return PeerRole::kUnknown;
}

absl::string_view Described(const PeerIdentity& peer) {
  switch (peer.role) {
    case PeerRole::kClient:
      return "client";
    case PeerRole::kOperator:
      return "operator";
    case PeerRole::kCoordinator:
      return "coordinator";
    case PeerRole::kUnknown:
      break;
  }
  return "nobody (it has no name of the form tributary://ROLE/NAME)";
}

}  // namespace

bool IsLoopback(absl::string_view address) {
  const std::string host(HostOf(address));
  if (host == "localhost") return true;
  // "localhost" is the only name that counts: what another name resolves to may change between this
  // check and the connection.
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(
    const TlsConfig& tls, absl::string_view address) {
  ASSIGN_OR_RETURN(const bool encrypted, WantsTls(tls, address));
  if (!encrypted) return grpc::InsecureChannelCredentials();
  ASSIGN_OR_RETURN(PemFiles files, ReadPemFiles(tls));
  return grpc::SslCredentials({.pem_root_certs = std::move(files.authority),
                               .pem_private_key = std::move(files.key),
                               .pem_cert_chain = std::move(files.certificate)});
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsConfig& tls, absl::string_view address) {
  ASSIGN_OR_RETURN(const bool encrypted, WantsTls(tls, address));
  if (!encrypted) return grpc::InsecureServerCredentials();
  ASSIGN_OR_RETURN(PemFiles files, ReadPemFiles(tls));
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = std::move(files.authority);
  options.pem_key_cert_pairs.push_back({std::move(files.key), std::move(files.certificate)});
  return grpc::SslServerCredentials(options);
}

PeerIdentity IdentityOf(const grpc::AuthContext& context) {
  PeerIdentity identity;
  identity.encrypted = context.IsPeerAuthenticated();
  // A certificate may have several URIs, those of other systems among them: the first of ours
  // counts.
  for (const grpc::string_ref& value : context.FindPropertyValues("peer_uri")) {
    absl::string_view uri(value.data(), value.size());
    if (!absl::ConsumePrefix(&uri, kScheme)) continue;
    const size_t slash = uri.find('/');
    if (slash == uri.npos) continue;
    identity.role = RoleOf(uri.substr(0, slash));
    identity.name = std::string(uri.substr(slash + 1));
    break;
  }
  return identity;
}

absl::Status CheckMayActAsClient(const PeerIdentity& peer, absl::string_view name) {
  if (!peer.encrypted || (peer.role == PeerRole::kClient && peer.name == name)) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(absl::StrCat(
      "the certificate is that of ", Described(peer), peer.name.empty() ? "" : " ", peer.name,
      ", but the peer calls itself client ", name, ": give it the certificate of that client"));
}

absl::Status CheckMayOperate(const PeerIdentity& peer) {
  if (!peer.encrypted || peer.role == PeerRole::kOperator) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("the certificate is that of ", Described(peer), peer.name.empty() ? "" : " ",
                   peer.name, "; operating the run needs an operator's certificate"));
}

}  // namespace tributary
