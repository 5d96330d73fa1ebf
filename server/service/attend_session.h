// AttendSession: the coordinator's side of one Attend stream, without gRPC.
//
// Messages come in through Handle(), answers go out through the link. It admits the client, agrees
// on the manifest, and passes on what the client tells of its task. Messages that were handled
// already (by sequence number) and messages that do not fit the moment are ignored or answered with
// a Refusal; none ends more than this stream.
//
// Not thread-safe: gRPC reads one message at a time.
#pragma once

#include <memory>
#include <string>

#include "common/rpc/credentials.h"
#include "server/registry/client_registry.h"
#include "server/service/service_dependencies.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

class AttendSession {
 public:
  AttendSession(const ServiceDependencies& dependencies, PeerIdentity peer)
      : deps_(dependencies), peer_(std::move(peer)) {}

  // `link` leads to the client whose message this is.
  void Handle(const v1::ClientMessage& message, const std::shared_ptr<ClientLink>& link);
  // The stream has ended, for `reason`.
  void End(const ClientLink* link, const std::string& reason);

 private:
  void Join(const v1::Join& join, const std::shared_ptr<ClientLink>& link);
  void Ready(const v1::Ready& ready, const std::shared_ptr<ClientLink>& link);
  void Refuse(v1::Refusal refusal, const std::string& client, ClientLink* link);

  const ServiceDependencies deps_;
  const PeerIdentity peer_;
  uint64_t handled_ = 0;  // highest sequence number
  std::string client_;    // empty before an admitted Join
  std::string dataset_;
  std::string leave_reason_;
};

}  // namespace tributary
