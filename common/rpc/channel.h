// Channels and servers that notice a dead peer.
//
// Keepalive pings find a connection whose other end vanished without closing it. Both sides must
// agree on how often pings are allowed, so that both are configured here. Message sizes stay at
// gRPC's default of 4 MiB: chunks are about 1 MiB.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/server_builder.h>

#include "absl/time/time.h"

namespace tributary {

struct ChannelOptions {
  absl::Duration keepalive = absl::Seconds(20);  // between pings, and the time to answer one
  absl::Duration first_backoff = absl::Milliseconds(200);  // of gRPC's own dialling
  absl::Duration most_backoff = absl::Seconds(2);
  absl::Duration connect = absl::Seconds(10);  // one attempt, TLS handshake included
};

// A channel to `address` ("HOST:PORT") with a connection of its own: dials at once when first used,
// again after `first_backoff` to `most_backoff` (gRPC adds the jitter). Goes through the proxy that
// proxy.h finds.
std::shared_ptr<grpc::Channel> MakeChannel(
    const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
    const ChannelOptions& options = {});

// Makes such a channel, each time one with a connection of its own.
using Dial = std::function<std::shared_ptr<grpc::Channel>()>;

// The same for the coordinator's side: lets clients ping as often as MakeChannel() does, and pings
// them every `keepalive`.
void ConfigureConnections(absl::Duration keepalive, grpc::ServerBuilder* builder);

}  // namespace tributary
