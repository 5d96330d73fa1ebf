// One load client and a coordinator of a few lines.
#include "tool/bench/load_client.h"

#include <thread>

#include <gmock/gmock.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/credentials.h"
#include "common/rpc/model_proto.h"

namespace tributary {
namespace {

// Answers a join, and then sends what the test gives it; keeps what the client says.
class FakeFederation final : public v1::Federation::Service {
 public:
  grpc::Status Attend(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::ServerMessage, v1::ClientMessage>* stream) override {
    v1::ClientMessage message;
    if (!stream->Read(&message)) return grpc::Status::OK;
    Keep(message);
    for (const v1::ServerMessage& answer : answers) stream->Write(answer);
    while (stream->Read(&message)) Keep(message);
    return end;
  }

  // Until `count` messages have come from the client.
  std::vector<v1::ClientMessage> Await(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto there = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return heard_.size() >= count; };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&there), absl::Seconds(60)));
    return heard_;
  }

  std::vector<v1::ServerMessage> answers;
  grpc::Status end;

 private:
  void Keep(const v1::ClientMessage& message) {
    absl::MutexLock lock(&mutex_);
    heard_.push_back(message);
  }
  absl::Mutex mutex_;
  std::vector<v1::ClientMessage> heard_ ABSL_GUARDED_BY(mutex_);
};

class LoadClientTest : public testing::Test {
 protected:
  LoadClientTest() {
    int port = 0;
    server_ = grpc::ServerBuilder()
                  .AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port)
                  .RegisterService(&service_)
                  .BuildAndStart();
    address_ = absl::StrCat("127.0.0.1:", port);
  }
  ~LoadClientTest() override {
    client_.reset();
    server_->Shutdown(absl::ToChronoTime(absl::Now()));
    for (std::thread& thread : threads_) thread.join();
  }

  void Start() {
    const auto credentials = MakeChannelCredentials({}, address_);
    ASSERT_TRUE(credentials.ok()) << credentials.status();
    v1::Join join;
    join.set_client("load-1");
    client_ = std::make_unique<LoadClient>(
        [this, credentials] { return MakeChannel(address_, *credentials); }, false, join,
        [this](std::function<void()> job) { threads_.emplace_back(std::move(job)); }, &maker_,
        &welcomes_, &counters_);
  }
  v1::ServerMessage Welcome() {
    v1::ServerMessage message;
    message.mutable_welcome()->set_session("s-1");
    message.mutable_welcome()->set_heartbeat_ms(1000);
    message.mutable_welcome()->set_chunk_bytes(1 << 16);
    return message;
  }
  // Until `counter` is `count`.
  static bool Reaches(const std::atomic<int>& counter, int count) {
    const absl::Time end = absl::Now() + absl::Seconds(60);
    while (counter != count && absl::Now() < end) std::this_thread::yield();
    return counter == count;
  }

  FakeFederation service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  UpdateMaker maker_ = UpdateMaker(1);
  SharedWelcome welcomes_;
  LoadCounters counters_;
  std::vector<std::thread> threads_;
  std::unique_ptr<LoadClient> client_;
};

TEST_F(LoadClientTest, JoinsAndSaysThatItIsReady) {
  service_.answers = {Welcome()};
  Start();
  const auto heard = service_.Await(2);
  EXPECT_EQ(heard[0].join().client(), "load-1");
  EXPECT_TRUE(heard[1].has_ready());
}

TEST_F(LoadClientTest, BeatsWhenABeatIsDueAndNotBefore) {
  service_.answers = {Welcome()};
  Start();
  service_.Await(2);
  const absl::Time now = absl::Now() + absl::Seconds(10);
  EXPECT_EQ(client_->Beat(now), now + absl::Seconds(1));
  EXPECT_EQ(client_->Beat(now), now + absl::Seconds(1)) << "none is due";
  EXPECT_EQ(counters_.heartbeats, 1);
  EXPECT_EQ(client_->Beat(now + absl::Seconds(1)), now + absl::Seconds(2));
  EXPECT_EQ(counters_.heartbeats, 2);
  EXPECT_GE(counters_.latest_heartbeat_us, 8'000'000) << "the first was late";
  EXPECT_TRUE(service_.Await(4)[2].has_heartbeat());
}

TEST_F(LoadClientTest, BeforeAWelcomeThereIsNoBeat) {
  Start();
  service_.Await(1);
  EXPECT_EQ(client_->Beat(absl::Now()), absl::InfiniteFuture());
  EXPECT_EQ(counters_.heartbeats, 0);
}

TEST_F(LoadClientTest, ARefusalIsCountedAndIsNoLostConnection) {
  service_.answers.emplace_back().mutable_refusal();
  Start();
  EXPECT_TRUE(Reaches(counters_.refused, 1));
  client_.reset();
  EXPECT_EQ(counters_.lost, 0);
}

TEST_F(LoadClientTest, TheEndOfTheRunEndsTheStream) {
  service_.answers.emplace_back().mutable_shutdown()->set_reason(v1::Shutdown::REASON_RUN_FINISHED);
  Start();
  EXPECT_TRUE(Reaches(counters_.finished, 1));
  client_.reset();
  EXPECT_EQ(counters_.lost, 0);
}

TEST_F(LoadClientTest, AStreamThatBreaksIsALostConnection) {
  service_.answers = {Welcome()};
  Start();
  service_.Await(2);
  server_->Shutdown(absl::ToChronoTime(absl::Now()));
  EXPECT_TRUE(Reaches(counters_.lost, 1));
}

TEST_F(LoadClientTest, ATaskIsAcceptedOnceHoweverOftenItIsOffered) {
  v1::ServerMessage task;
  task.mutable_task()->set_round(1);
  task.mutable_task()->set_attempt(1);
  service_.answers = {Welcome(), task, task};
  Start();
  // The model cannot be pulled here: the task fails, and is counted.
  EXPECT_TRUE(Reaches(counters_.failures, 1));
  int accepted = 0;
  for (const v1::ClientMessage& message : service_.Await(3))
    accepted += message.has_task_accepted();
  EXPECT_EQ(accepted, 1);
  EXPECT_EQ(counters_.updates, 0);
}

TEST(SharedWelcomeTest, EqualWelcomesAreKeptOnceWithoutTheirSessions) {
  SharedWelcome welcomes;
  v1::Welcome welcome;
  welcome.set_session("first");
  welcome.set_heartbeat_ms(5);
  const auto first = welcomes.Keep(welcome);
  welcome.set_session("second");
  const auto second = welcomes.Keep(welcome);
  EXPECT_EQ(first, second);
  EXPECT_EQ(first->session(), "");
  EXPECT_EQ(first->heartbeat_ms(), 5U);
  welcome.set_heartbeat_ms(6);
  const auto third = welcomes.Keep(welcome);
  EXPECT_NE(third, first);
  EXPECT_EQ(third->heartbeat_ms(), 6U);
  EXPECT_EQ(first->heartbeat_ms(), 5U) << "who has it keeps it";
}

}  // namespace
}  // namespace tributary
