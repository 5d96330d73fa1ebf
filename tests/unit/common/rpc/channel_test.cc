#include "common/rpc/channel.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/common/rpc/scripted_federation.h"

namespace tributary {
namespace {

class ChannelTest : public testing::Test {
 protected:
  ChannelTest() {
    service_.pull = [this](grpc::ServerContext* context, const auto&, auto*) {
      peer_ = context->peer();
      return grpc::Status::OK;
    };
    service_.Start();
  }

  // The other end's name for the connection of a call over `channel`; empty if it failed.
  std::string PeerOf(const std::shared_ptr<grpc::Channel>& channel, bool wait_for_ready = false) {
    grpc::ClientContext context;
    SetPatience(&context);
    context.set_wait_for_ready(wait_for_ready);
    v1::Chunk chunk;
    const auto reader = v1::Federation::NewStub(channel)->PullModel(&context, {});
    while (reader->Read(&chunk)) {
    }
    status_ = reader->Finish();
    return status_.ok() ? peer_ : "";
  }

  ScriptedFederation service_;
  std::string peer_;
  grpc::Status status_;
};

TEST_F(ChannelTest, CallsOfOneChannelShareItsConnection) {
  const auto channel = service_.Dial();
  const std::string first = PeerOf(channel);
  EXPECT_NE(first, "");
  EXPECT_EQ(PeerOf(channel), first);
}

TEST_F(ChannelTest, ChannelsToOneAddressHaveConnectionsOfTheirOwn) {
  const auto a = service_.Dial(), b = service_.Dial();
  const std::string first = PeerOf(a), second = PeerOf(b);
  EXPECT_NE(first, "");
  EXPECT_NE(second, "");
  EXPECT_NE(first, second);
}

TEST_F(ChannelTest, NobodyThereIsUnavailable) {
  service_.Stop();
  EXPECT_EQ(PeerOf(service_.Dial()), "");
  EXPECT_EQ(status_.error_code(), grpc::StatusCode::UNAVAILABLE) << status_.error_message();
}

TEST_F(ChannelTest, DialsAgainWhenTheServerIsBack) {
  const auto channel = MakeChannel(
      service_.address(), grpc::InsecureChannelCredentials(),
      {.first_backoff = absl::Milliseconds(10), .most_backoff = absl::Milliseconds(50)});
  const int port = service_.port();
  EXPECT_NE(PeerOf(channel), "");
  service_.Stop();
  EXPECT_EQ(PeerOf(channel), "");
  service_.Start(port);
  EXPECT_NE(PeerOf(channel, /*wait_for_ready=*/true), "") << status_.error_message();
}

TEST_F(ChannelTest, AMessageOfAChunksSizeGoesThrough) {
  // gRPC's own bound is 4 MiB; a chunk with the slice that overfills it is 2.5 MiB at most.
  constexpr size_t kLargest = 5 << 19;
  service_.pull = [](auto*, const auto&, auto* writer) {
    v1::Chunk chunk;
    chunk.add_slices()->set_payload(std::string(kLargest, 'x'));
    for (int i = 0; i < 5; ++i) writer->Write(chunk);
    return grpc::Status::OK;
  };
  grpc::ClientContext context;
  SetPatience(&context);
  v1::Chunk chunk;
  const auto reader = v1::Federation::NewStub(service_.Dial())->PullModel(&context, {});
  int chunks = 0;
  while (reader->Read(&chunk)) chunks += chunk.slices(0).payload().size() == kLargest ? 1 : 0;
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(chunks, 5);
}

TEST_F(ChannelTest, AKeepaliveShorterThanTheServersIsPutUpWith) {
  // A second is the shortest that is sent: a server of gRPC's own settings would end such a
  // connection for too many pings, with RESOURCE_EXHAUSTED or UNAVAILABLE.
  const auto channel = MakeChannel(service_.address(), grpc::InsecureChannelCredentials(),
                                   {.keepalive = absl::Milliseconds(1)});
  const std::string first = PeerOf(channel);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(PeerOf(channel), first);
}

}  // namespace
}  // namespace tributary
