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

}  // namespace
}  // namespace tributary
