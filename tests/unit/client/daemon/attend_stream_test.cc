#include "client/daemon/attend_stream.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common/rpc/scripted_federation.h"

namespace tributary {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Stream = grpc::ServerReaderWriter<v1::ServerMessage, v1::ClientMessage>;

constexpr absl::Duration kPatience = absl::Seconds(30);

v1::ClientMessage Leave(const std::string& reason) {
  v1::ClientMessage message;
  message.mutable_leave()->set_reason(reason);
  return message;
}

class AttendStreamTest : public testing::Test {
 protected:
  AttendStreamTest() {
    ServeUntilHalfClose();
    service_.Start();
    stub_ = v1::Federation::NewStub(service_.Dial());
  }

  // A server that keeps what it hears until the client has no more to say.
  void ServeUntilHalfClose() {
    service_.attend = [this](auto*, Stream* stream) {
      v1::ClientMessage message;
      while (stream->Read(&message)) {
        absl::MutexLock lock(&mutex_);
        heard_.push_back(message);
      }
      return grpc::Status::OK;
    };
  }
  // A server that does nothing until the call is cancelled.
  void ServeSilence() {
    service_.attend = [this](grpc::ServerContext* context, Stream*) {
      begun_.Notify();
      while (!context->IsCancelled()) std::this_thread::yield();
      cancelled_.Notify();
      return grpc::Status::CANCELLED;
    };
  }
  std::unique_ptr<AttendStream> Dial() {
    return std::make_unique<AttendStream>(
        stub_.get(),
        [this](const v1::ServerMessage& message) {
          EXPECT_FALSE(closed_.HasBeenNotified()) << "the end comes last";
          said_.push_back(message.sequence());
        },
        [this](const absl::Status& status) {
          status_ = status;
          closed_.Notify();
        });
  }
  absl::Status AwaitClosed() {
    EXPECT_TRUE(closed_.WaitForNotificationWithTimeout(kPatience));
    return status_;
  }
  std::vector<uint64_t> HeardNumbers() {
    absl::MutexLock lock(&mutex_);
    std::vector<uint64_t> numbers;
    for (const v1::ClientMessage& message : heard_) numbers.push_back(message.sequence());
    return numbers;
  }

  ScriptedFederation service_;
  std::unique_ptr<v1::Federation::Stub> stub_;
  absl::Mutex mutex_;
  std::vector<v1::ClientMessage> heard_ ABSL_GUARDED_BY(mutex_);
  std::vector<uint64_t> said_;  // read once the stream is closed
  absl::Status status_;
  absl::Notification begun_, closed_, cancelled_;
};

TEST_F(AttendStreamTest, NumbersMessagesFromOneInTheirOrder) {
  const auto stream = Dial();
  for (const char* reason : {"a", "b", "c"}) stream->Send(Leave(reason));
  stream->HalfClose();
  EXPECT_TRUE(AwaitClosed().ok());
  EXPECT_THAT(HeardNumbers(), ElementsAre(1, 2, 3));
  absl::MutexLock lock(&mutex_);
  EXPECT_EQ(heard_[0].leave().reason(), "a");
  EXPECT_EQ(heard_[2].leave().reason(), "c");
}

TEST_F(AttendStreamTest, MessagesOfSeveralThreadsAreNumberedWithoutGaps) {
  const auto stream = Dial();
  std::vector<std::thread> senders;
  for (int i = 0; i < 4; ++i) {
    senders.emplace_back([&stream] {
      for (int message = 0; message < 25; ++message) stream->Send(Leave(""));
    });
  }
  for (std::thread& sender : senders) sender.join();
  stream->HalfClose();
  EXPECT_TRUE(AwaitClosed().ok());
  std::vector<uint64_t> expected;
  for (uint64_t number = 1; number <= 100; ++number) expected.push_back(number);
  EXPECT_EQ(HeardNumbers(), expected);
}

TEST_F(AttendStreamTest, AfterAHalfCloseNothingMoreIsSent) {
  const auto stream = Dial();
  stream->Send(Leave("last"));
  stream->HalfClose();
  stream->Send(Leave("too late"));
  stream->HalfClose();
  EXPECT_TRUE(AwaitClosed().ok());
  EXPECT_THAT(HeardNumbers(), ElementsAre(1));
}

TEST_F(AttendStreamTest, AHalfCloseWithoutAMessageEndsTheCall) {
  const auto stream = Dial();
  stream->HalfClose();
  EXPECT_TRUE(AwaitClosed().ok());
  EXPECT_THAT(HeardNumbers(), IsEmpty());
}

TEST_F(AttendStreamTest, WhatTheServerSaysComesInOrderAndThenItsStatus) {
  service_.attend = [](auto*, Stream* stream) {
    v1::ServerMessage message;
    for (uint64_t number = 1; number <= 20; ++number) {
      message.set_sequence(number);
      stream->Write(message);
    }
    return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "not you");
  };
  const auto stream = Dial();
  EXPECT_EQ(AwaitClosed(), absl::PermissionDeniedError("not you"));
  ASSERT_EQ(said_.size(), 20u);
  for (uint64_t number = 1; number <= 20; ++number) EXPECT_EQ(said_[number - 1], number);
}

TEST_F(AttendStreamTest, AMessageHoldsNothingOfTheOneBefore) {
  service_.attend = [](auto*, Stream* stream) {
    v1::ServerMessage message;
    message.set_sequence(3);
    message.mutable_shutdown()->set_message("first");
    stream->Write(message);
    stream->Write(v1::ServerMessage());
    return grpc::Status::OK;
  };
  const auto stream = Dial();
  EXPECT_TRUE(AwaitClosed().ok());
  EXPECT_THAT(said_, ElementsAre(3, 0));
}

TEST_F(AttendStreamTest, CancellingEndsTheCallOnBothSides) {
  ServeSilence();
  const auto stream = Dial();
  ASSERT_TRUE(begun_.WaitForNotificationWithTimeout(kPatience));
  stream->Cancel();
  EXPECT_EQ(AwaitClosed().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(cancelled_.WaitForNotificationWithTimeout(kPatience));
}

TEST_F(AttendStreamTest, DroppingItCancelsAndWaitsForTheEnd) {
  ServeSilence();
  auto stream = Dial();
  ASSERT_TRUE(begun_.WaitForNotificationWithTimeout(kPatience));
  stream.reset();
  ASSERT_TRUE(closed_.HasBeenNotified());
  EXPECT_EQ(status_.code(), absl::StatusCode::kCancelled);
}

TEST_F(AttendStreamTest, SendingToAnEndedCallDoesNothing) {
  service_.attend = [](auto*, Stream*) { return grpc::Status::OK; };
  const auto stream = Dial();
  EXPECT_TRUE(AwaitClosed().ok());
  stream->Send(Leave("x"));
  stream->HalfClose();
  EXPECT_EQ(stream->StuckSince(), absl::InfiniteFuture());
}

TEST_F(AttendStreamTest, NobodyThereIsUnavailable) {
  service_.Stop();
  const auto stream = Dial();
  stream->Send(Leave("x"));
  EXPECT_EQ(AwaitClosed().code(), absl::StatusCode::kUnavailable);
}

TEST_F(AttendStreamTest, TellsSinceWhenAMessageHasBeenWaiting) {
  absl::Notification read;
  service_.attend = [&](auto*, Stream* stream) {
    begun_.Notify();
    read.WaitForNotification();
    v1::ClientMessage message;
    while (stream->Read(&message)) {
    }
    return grpc::Status::OK;
  };
  const auto stream = Dial();
  EXPECT_EQ(stream->StuckSince(), absl::InfiniteFuture());
  ASSERT_TRUE(begun_.WaitForNotificationWithTimeout(kPatience));
  const absl::Time before = absl::Now();
  // Far more than a server takes that does not read: its window is 4 MiB.
  for (int i = 0; i < 32; ++i) stream->Send(Leave(std::string(1 << 20, 'x')));
  const absl::Time since = stream->StuckSince();
  EXPECT_GE(since, before);
  EXPECT_LE(since, absl::Now());
  read.Notify();
  stream->HalfClose();
  EXPECT_TRUE(AwaitClosed().ok());
  EXPECT_EQ(stream->StuckSince(), absl::InfiniteFuture());
}

}  // namespace
}  // namespace tributary
