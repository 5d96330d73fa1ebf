#include "common/rpc/bulk_call.h"

#include <atomic>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "common/rpc/bulk_message.h"
#include "tests/unit/common/rpc/scripted_federation.h"

namespace tributary {
namespace {

using ::testing::HasSubstr;

constexpr char kPull[] = "/tributary.v1.Federation/PullModel";
constexpr char kPush[] = "/tributary.v1.Federation/PushUpdate";
constexpr absl::Duration kPatience = absl::Seconds(30);

v1::Chunk ChunkNumber(uint32_t index) {
  v1::Chunk chunk;
  chunk.set_index(index);
  chunk.add_slices()->set_payload(std::string(index * 1000, 'x'));
  return chunk;
}

class BulkCallTest : public testing::Test {
 protected:
  BulkCallTest() {
    service_.Start();
    stub_ = std::make_unique<grpc::GenericStub>(service_.Dial());
    SetPatience(&context_);
  }

  // A pull that never sends anything, and ends with the call.
  void ServeSilence() {
    service_.pull = [this](grpc::ServerContext* context, const v1::PullRequest&, auto*) {
      begun_.Notify();
      while (!context->IsCancelled()) std::this_thread::yield();
      cancelled_.Notify();
      return grpc::Status::CANCELLED;
    };
  }
  // A call of `method` whose request is sent.
  std::unique_ptr<BulkCall> Ask(const char* method = kPull) {
    auto call = std::make_unique<BulkCall>(stub_.get(), method, &context_);
    call->Write(BufferOf(v1::PullRequest()));
    call->WritesDone();
    return call;
  }

  absl::Notification begun_, cancelled_;
  ScriptedFederation service_;
  std::unique_ptr<grpc::GenericStub> stub_;
  grpc::ClientContext context_;
};

TEST_F(BulkCallTest, ReadsEveryMessageInOrderAndThenNone) {
  service_.pull = [](auto*, const auto&, auto* writer) {
    for (uint32_t i = 0; i < 20; ++i) writer->Write(ChunkNumber(i));
    return grpc::Status::OK;
  };
  const auto call = Ask();
  grpc::ByteBuffer message;
  for (uint32_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(call->Read(&message)) << i;
    v1::Chunk chunk;
    ASSERT_TRUE(ParseBuffer(message, &chunk));
    EXPECT_EQ(chunk.SerializeAsString(), ChunkNumber(i).SerializeAsString());
  }
  EXPECT_FALSE(call->Read(&message));
  EXPECT_FALSE(call->Read(&message)) << "and none again";
  EXPECT_TRUE(call->Finish().ok());
}

TEST_F(BulkCallTest, AServerThatSendsNothingEndsAtOnce) {
  service_.pull = [](auto*, const auto&, auto*) { return grpc::Status::OK; };
  const auto call = Ask();
  grpc::ByteBuffer message;
  EXPECT_FALSE(call->Read(&message));
  EXPECT_TRUE(call->Finish().ok());
}

TEST_F(BulkCallTest, FinishingDropsWhatWasNotRead) {
  std::atomic<int> written = 0;
  service_.pull = [&](auto*, const auto&, auto* writer) {
    for (uint32_t i = 0; i < 50; ++i) written += writer->Write(ChunkNumber(i)) ? 1 : 0;
    return grpc::Status(grpc::StatusCode::DATA_LOSS, "at the end");
  };
  const auto call = Ask();
  EXPECT_EQ(call->Finish(), absl::DataLossError("at the end"));
  EXPECT_EQ(written, 50) << "it was let to its end";
}

TEST_F(BulkCallTest, TheServersStatusComesAfterItsMessages) {
  service_.pull = [](auto*, const auto&, auto* writer) {
    writer->Write(ChunkNumber(1));
    return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "no such round");
  };
  const auto call = Ask();
  grpc::ByteBuffer message;
  EXPECT_TRUE(call->Read(&message));
  EXPECT_FALSE(call->Read(&message));
  EXPECT_EQ(call->Finish(), absl::FailedPreconditionError("no such round"));
  EXPECT_EQ(call->Finish(), absl::FailedPreconditionError("no such round")) << "the same again";
}

TEST_F(BulkCallTest, WritesArriveInOrderAndAreAnswered) {
  std::string heard;
  service_.push = [&](auto*, auto* reader, v1::UpdateState* state) {
    v1::PushMessage message;
    while (reader->Read(&message)) heard += std::to_string(message.chunk().index()) + " ";
    state->set_next_chunk(7);
    return grpc::Status::OK;
  };
  BulkCall call(stub_.get(), kPush, &context_);
  for (uint32_t i = 0; i < 5; ++i) {
    v1::PushMessage message;
    *message.mutable_chunk() = ChunkNumber(i);
    EXPECT_TRUE(call.Write(BufferOf(message))) << i;
  }
  call.WritesDone();
  grpc::ByteBuffer answer;
  ASSERT_TRUE(call.Read(&answer));
  v1::UpdateState state;
  ASSERT_TRUE(ParseBuffer(answer, &state));
  EXPECT_EQ(state.next_chunk(), 7u);
  EXPECT_TRUE(call.Finish().ok());
  EXPECT_EQ(heard, "0 1 2 3 4 ");
}

TEST_F(BulkCallTest, AWriteToACallThatIsOverFails) {
  service_.push = [](auto*, auto*, auto*) {
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "full");
  };
  BulkCall call(stub_.get(), kPush, &context_);
  v1::PushMessage message;
  *message.mutable_chunk() = ChunkNumber(100);
  // The first few may be on their way before the end is heard of.
  int written = 0;
  while (call.Write(BufferOf(message))) ASSERT_LT(++written, 100'000);
  EXPECT_FALSE(call.Write(BufferOf(message)));
  call.WritesDone();
  EXPECT_EQ(call.Finish(), absl::ResourceExhaustedError("full"));
}

TEST_F(BulkCallTest, TheDeadlineEndsAReadThatWaits) {
  ServeSilence();
  context_.set_deadline(absl::ToChronoTime(absl::Now() + absl::Milliseconds(30)));
  const auto call = Ask();
  grpc::ByteBuffer message;
  EXPECT_FALSE(call->Read(&message));
  EXPECT_EQ(call->Finish().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(BulkCallTest, CancellingFromAnotherThreadEndsAReadThatWaits) {
  ServeSilence();
  const auto call = Ask();
  std::thread canceller([this] {
    EXPECT_TRUE(begun_.WaitForNotificationWithTimeout(kPatience));
    context_.TryCancel();
  });
  grpc::ByteBuffer message;
  EXPECT_FALSE(call->Read(&message));
  EXPECT_EQ(call->Finish().code(), absl::StatusCode::kCancelled);
  canceller.join();
}

TEST_F(BulkCallTest, ACallThatIsDroppedIsCancelled) {
  ServeSilence();
  auto call = Ask();
  EXPECT_TRUE(begun_.WaitForNotificationWithTimeout(kPatience));
  call.reset();
  EXPECT_TRUE(cancelled_.WaitForNotificationWithTimeout(kPatience)) << "the server was not told";
}

TEST_F(BulkCallTest, ACallThatWasFinishedCanBeDropped) {
  service_.pull = [](auto*, const auto&, auto*) { return grpc::Status::OK; };
  auto call = Ask();
  EXPECT_TRUE(call->Finish().ok());
  call.reset();
}

TEST_F(BulkCallTest, AnUnknownMethodIsUnimplemented) {
  const auto call = Ask("/tributary.v1.Federation/Nothing");
  EXPECT_EQ(call->Finish().code(), absl::StatusCode::kUnimplemented);
}

TEST_F(BulkCallTest, NobodyThereIsUnavailable) {
  service_.Stop();
  const auto call = Ask();
  grpc::ByteBuffer message;
  EXPECT_FALSE(call->Read(&message));
  EXPECT_EQ(call->Finish().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace tributary
