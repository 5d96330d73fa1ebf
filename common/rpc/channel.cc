#include "common/rpc/channel.h"

#include <algorithm>

#include <grpcpp/create_channel.h>

#include "common/rpc/proxy.h"

namespace tributary {
namespace {

// The shortest interval between pings that a coordinator accepts, whatever its own keepalive is: a
// client may be configured with a shorter one. gRPC's default closes such connections ("too many
// pings").
constexpr int kShortestPingMs = 1000;

// Flow-control windows: bytes that may arrive before they are read. They allow 80 and 40 MB/s over
// a line of 100 ms, about as much as Linux's own window of a connection. The coordinator's is
// smaller because it has one for each of many clients. gRPC's own estimate is switched off: it
// starts at 64 KB on each connection, sends a ping for each message of an otherwise idle
// connection, and ends with more memory. For 128 clients that push 22 MB in turns it cost the
// coordinator a tenth of its processor time and 20 MB.
constexpr int kClientWindowBytes = 8 << 20;
constexpr int kServerWindowBytes = 4 << 20;

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(
      std::clamp<int64_t>(absl::ToInt64Milliseconds(duration), kShortestPingMs, 3'600'000));
}

}  // namespace

std::shared_ptr<grpc::Channel> MakeChannel(
    const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
    const ChannelOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options.keepalive));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(options.keepalive));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // 0: no limit. The default of 2 stops the pings of a client that trains and sends nothing.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                   static_cast<int>(absl::ToInt64Milliseconds(options.first_backoff)));
  // Despite its name this limits how long one attempt to connect may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                   static_cast<int>(absl::ToInt64Milliseconds(options.connect)));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
                   static_cast<int>(absl::ToInt64Milliseconds(options.most_backoff)));
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kClientWindowBytes);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  // Decided here and not by gRPC alone, which sends even loopback traffic to a proxy.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, ProxyFor(address).has_value() ? 1 : 0);
  // Channels of one process to the same address share a connection by default; then a push would
  // not have one of its own, and one channel's backoff would hold up the others.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

void ConfigureConnections(absl::Duration keepalive, grpc::ServerBuilder* builder) {
  builder->AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kServerWindowBytes);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(keepalive));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(keepalive));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Half, because the network may bunch two pings together.
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              kShortestPingMs / 2);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
}

}  // namespace tributary
