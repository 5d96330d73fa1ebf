#include "client/daemon/work_gate.h"

#include <memory>
#include <thread>

#include <gtest/gtest.h>

namespace tributary {
namespace {

WorkGate::Terms Terms() { return std::make_shared<const SessionTerms>(); }

TEST(WorkGateTest, GivesTheOpenSessionAtOnce) {
  WorkGate gate;
  CancelToken token;
  const WorkGate::Terms terms = Terms();
  gate.Open(terms);
  EXPECT_EQ(*gate.AwaitSession(token), terms);
  EXPECT_EQ(gate.current(), terms);
}

TEST(WorkGateTest, WaitsForASessionToOpen) {
  WorkGate gate;
  CancelToken token;
  gate.Open(Terms());
  gate.Close();
  const WorkGate::Terms terms = Terms();
  std::thread opener([&] { gate.Open(terms); });
  EXPECT_EQ(*gate.AwaitSession(token), terms);
  opener.join();
}

TEST(WorkGateTest, CancellingEndsTheWaitAndTellsTheReason) {
  WorkGate gate;
  CancelToken token;
  std::thread canceller([&] {
    gate.Cancel(&token, "first");
    gate.Cancel(&token, "second");
  });
  EXPECT_EQ(gate.AwaitSession(token).status(), absl::CancelledError("first"));
  canceller.join();
}

TEST(WorkGateTest, ACancelledTaskGetsNoSessionEvenIfOneIsOpen) {
  WorkGate gate;
  CancelToken token;
  gate.Open(Terms());
  gate.Cancel(&token, "x");
  EXPECT_TRUE(absl::IsCancelled(gate.AwaitSession(token).status()));
}

TEST(WorkGateTest, PauseOutlivesALostSession) {
  WorkGate gate;
  CancelToken token;
  const WorkGate::Terms terms = Terms();
  gate.Open(terms);
  gate.Close();
  gate.Pause(absl::Milliseconds(1), terms, token);  // returns by its time, not by the closing
  EXPECT_EQ(gate.current(), nullptr);
}

TEST(WorkGateTest, NoSessionIsOpenAtFirst) {
  const WorkGate gate;
  EXPECT_EQ(gate.current(), nullptr);
}

TEST(WorkGateTest, ALaterSessionReplacesAnEarlierOne) {
  WorkGate gate;
  CancelToken token;
  const WorkGate::Terms second = Terms();
  gate.Open(Terms());
  gate.Open(second);
  EXPECT_EQ(*gate.AwaitSession(token), second);
}

TEST(WorkGateTest, APauseEndsAtOnceWhereAnotherSessionIsOpen) {
  WorkGate gate;
  CancelToken token;
  gate.Open(Terms());
  gate.Pause(absl::InfiniteDuration(), Terms(), token);  // of a session that was replaced
}

TEST(WorkGateTest, APauseEndsAtOnceForACancelledTask) {
  WorkGate gate;
  CancelToken token;
  const WorkGate::Terms terms = Terms();
  gate.Open(terms);
  gate.Cancel(&token, "x");
  gate.Pause(absl::InfiniteDuration(), terms, token);
}

TEST(WorkGateTest, APauseEndsWhenTheSessionIsReplaced) {
  WorkGate gate;
  CancelToken token;
  const WorkGate::Terms terms = Terms();
  gate.Open(terms);
  std::thread opener([&] {
    gate.Close();
    gate.Open(Terms());
  });
  gate.Pause(absl::InfiniteDuration(), terms, token);
  opener.join();
}

TEST(WorkGateTest, TheCallInProgressIsTheTokensWhileItsScopeLives) {
  WorkGate gate;
  CancelToken token;
  grpc::ClientContext call;
  {
    const WorkGate::CallScope scope(&gate, &token, &call);
    EXPECT_EQ(token.call, &call);
  }
  EXPECT_EQ(token.call, nullptr);
  gate.Cancel(&token, "no call is touched any more");
  EXPECT_TRUE(token.cancelled);
  EXPECT_EQ(token.reason, "no call is touched any more");
}

TEST(WorkGateTest, TheFirstReasonStays) {
  WorkGate gate;
  CancelToken token;
  gate.Cancel(&token, "first");
  gate.Cancel(&token, "second");
  EXPECT_EQ(token.reason, "first");
}

TEST(WorkGateTest, OneTasksCancellationIsNotAnothers) {
  WorkGate gate;
  CancelToken cancelled, other;
  const WorkGate::Terms terms = Terms();
  gate.Open(terms);
  gate.Cancel(&cancelled, "x");
  EXPECT_EQ(*gate.AwaitSession(other), terms);
}

}  // namespace
}  // namespace tributary
