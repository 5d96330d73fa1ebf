// A federation service on the loopback whose calls do what a test scripts.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/channel.h"
#include "tributary/v1/federation.grpc.pb.h"

namespace tributary {

class ScriptedFederation : public v1::Federation::Service {
 public:
  using Pull = std::function<grpc::Status(grpc::ServerContext*, const v1::PullRequest&,
                                          grpc::ServerWriter<v1::Chunk>*)>;
  using Push = std::function<grpc::Status(grpc::ServerContext*,
                                          grpc::ServerReader<v1::PushMessage>*, v1::UpdateState*)>;
  using Ask = std::function<grpc::Status(const v1::UpdateQuery&, v1::UpdateState*)>;
  using AttendCall = std::function<grpc::Status(
      grpc::ServerContext*, grpc::ServerReaderWriter<v1::ServerMessage, v1::ClientMessage>*)>;

  // Set before the call that they serve.
  Pull pull;
  Push push;
  Ask ask;
  AttendCall attend;

  // Listens; on `port` if it is not 0.
  void Start(int port = 0) {
    grpc::ServerBuilder builder;
    ConfigureConnections(absl::Seconds(20), &builder);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddListeningPort(absl::StrCat("127.0.0.1:", port), grpc::InsecureServerCredentials(),
                             &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  void Stop() {
    server_->Shutdown(absl::ToChronoTime(absl::Now()));
    server_->Wait();
    server_.reset();
  }
  ~ScriptedFederation() override {
    if (server_ != nullptr) Stop();
  }

  int port() const { return port_; }
  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  std::shared_ptr<grpc::Channel> Dial() const {
    return MakeChannel(address(), grpc::InsecureChannelCredentials());
  }

 private:
  grpc::Status PullModel(grpc::ServerContext* context, const v1::PullRequest* request,
                         grpc::ServerWriter<v1::Chunk>* writer) override {
    return pull(context, *request, writer);
  }
  grpc::Status PushUpdate(grpc::ServerContext* context, grpc::ServerReader<v1::PushMessage>* reader,
                          v1::UpdateState* state) override {
    return push(context, reader, state);
  }
  grpc::Status AskUpdate(grpc::ServerContext*, const v1::UpdateQuery* query,
                         v1::UpdateState* state) override {
    return ask(*query, state);
  }
  grpc::Status Attend(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::ServerMessage, v1::ClientMessage>* stream) override {
    return attend(context, stream);
  }

  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

// Long enough for a loaded machine: what a test that fails waits.
inline void SetPatience(grpc::ClientContext* context) {
  context->set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(30)));
}

}  // namespace tributary
