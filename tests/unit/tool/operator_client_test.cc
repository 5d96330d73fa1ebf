#include "tool/operator_client.h"

#include <gmock/gmock.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A coordinator that has two events to tell.
class FakeOperator final : public v1::Operator::Service {
 public:
  grpc::Status GetStatus(grpc::ServerContext*, const v1::StatusRequest*,
                         v1::RunStatus* status) override {
    status->set_run_name("tiny");
    return answer_;
  }
  grpc::Status WatchEvents(grpc::ServerContext*, const v1::WatchRequest* request,
                           grpc::ServerWriter<v1::Event>* writer) override {
    for (uint64_t sequence = request->first_sequence(); sequence < 3; ++sequence) {
      v1::Event event;
      event.set_sequence(sequence);
      writer->Write(event);
    }
    return grpc::Status::OK;
  }
  grpc::Status Pause(grpc::ServerContext*, const v1::PauseRequest* request,
                     v1::ActionReply*) override {
    return Note("pause", request->reason());
  }
  grpc::Status Resume(grpc::ServerContext*, const v1::ResumeRequest*, v1::ActionReply*) override {
    return Note("resume", "");
  }
  grpc::Status Stop(grpc::ServerContext*, const v1::StopRequest* request, v1::StopReply*) override {
    return Note("stop", request->reason());
  }
  grpc::Status Evict(grpc::ServerContext*, const v1::EvictRequest* request,
                     v1::ActionReply*) override {
    return Note("evict", absl::StrCat(request->client(), "/", request->reason()));
  }
  grpc::Status Forgive(grpc::ServerContext*, const v1::ForgiveRequest* request,
                       v1::ActionReply*) override {
    return Note("forgive", request->client());
  }
  std::vector<std::string> noted;

  void SetAnswer(grpc::Status answer) { answer_ = std::move(answer); }

 private:
  grpc::Status Note(const std::string& call, const std::string& what) {
    noted.push_back(absl::StrCat(call, ":", what));
    return answer_;
  }

  grpc::Status answer_;
};

class OperatorClientTest : public testing::Test {
 protected:
  void SetUp() override {
    int port = 0;
    server_ = grpc::ServerBuilder()
                  .AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port)
                  .RegisterService(&service_)
                  .BuildAndStart();
    address_ = absl::StrCat("127.0.0.1:", port);
  }

  FakeOperator service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

TEST_F(OperatorClientTest, AsksForStatusAndEvents) {
  auto client = OperatorClient::Dial({.server = address_, .tls = {}});
  ASSERT_TRUE(client.ok()) << client.status();
  const auto status = client->GetStatus();
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->run_name(), "tiny");
  std::vector<uint64_t> seen;
  v1::WatchRequest request;
  request.set_first_sequence(1);
  EXPECT_TRUE(
      client->Watch(request, [&](const v1::Event& event) { seen.push_back(event.sequence()); })
          .ok());
  EXPECT_THAT(seen, ElementsAre(1, 2));
}

TEST_F(OperatorClientTest, PassesEachActionOn) {
  auto client = OperatorClient::Dial({.server = address_, .tls = {}});
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_TRUE(client->Pause("lunch").ok());
  EXPECT_TRUE(client->Resume().ok());
  EXPECT_TRUE(client->Stop("night").ok());
  EXPECT_TRUE(client->Evict("site-1", "noise").ok());
  EXPECT_TRUE(client->Forgive("site-1").ok());
  EXPECT_THAT(service_.noted, ElementsAre("pause:lunch", "resume:", "stop:night",
                                          "evict:site-1/noise", "forgive:site-1"));
  service_.SetAnswer({grpc::StatusCode::FAILED_PRECONDITION, "paused already"});
  EXPECT_TRUE(absl::IsFailedPrecondition(client->Pause("")));
}

TEST_F(OperatorClientTest, ACoordinatorThatIsTooOldIsNamed) {
  auto client = OperatorClient::Dial({.server = address_, .tls = {}});
  ASSERT_TRUE(client.ok()) << client.status();
  const absl::Status status = client->SetRounds(7);  // the fake has no such call
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("update it"));
}

TEST_F(OperatorClientTest, NobodyThereIsUnavailableWithTheAddress) {
  server_->Shutdown();
  server_.reset();
  auto client = OperatorClient::Dial({.server = address_, .tls = {}});
  ASSERT_TRUE(client.ok());
  const absl::Status status = client->GetStatus().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(address_));
}

TEST_F(OperatorClientTest, ARefusalKeepsItsReason) {
  service_.SetAnswer({grpc::StatusCode::PERMISSION_DENIED, "not an operator"});
  auto client = OperatorClient::Dial({.server = address_, .tls = {}});
  ASSERT_TRUE(client.ok());
  EXPECT_TRUE(absl::IsPermissionDenied(client->GetStatus().status()));
  EXPECT_TRUE(absl::IsPermissionDenied(client->Watch({}, [](const v1::Event&) {})));
}

TEST_F(OperatorClientTest, PlainTextToAnotherMachineMustBeAskedFor) {
  EXPECT_FALSE(OperatorClient::Dial({.server = "example.org:7700", .tls = {}}).ok());
}

}  // namespace
}  // namespace tributary
