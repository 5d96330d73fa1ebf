#include "common/base/stop_signal.h"

#include <csignal>
#include <ctime>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace tributary {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

// Signals to this process, with the mask of before restored afterwards.
class StopSignalTest : public testing::Test {
 protected:
  StopSignalTest() {
    pthread_sigmask(SIG_BLOCK, nullptr, &before_);
    BlockStopSignals();
  }
  ~StopSignalTest() override {
    while (Pending(SIGTERM) || Pending(SIGINT)) Take();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  static bool Pending(int signal) {
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, signal) == 1;
  }
  // Takes a signal that is pending.
  static int Take() {
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGTERM);
    sigaddset(&both, SIGINT);
    const timespec now = {.tv_sec = 0, .tv_nsec = 0};
    return sigtimedwait(&both, nullptr, &now);
  }
  // What a StopSignal says of `signal`.
  static std::string NameOf(int signal) {
    std::string name;
    absl::Notification called;
    const StopSignal stop([&](const std::string& told) {
      name = told;
      called.Notify();
    });
    kill(getpid(), signal);
    EXPECT_TRUE(called.WaitForNotificationWithTimeout(kPatience));
    return name;
  }

  sigset_t before_;
};

TEST_F(StopSignalTest, BlockedSignalsWaitAlsoInThreadsThatStartLater) {
  kill(getpid(), SIGTERM);
  EXPECT_TRUE(Pending(SIGTERM)) << "an unblocked one would have ended the process";
  std::thread([] {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    EXPECT_EQ(sigismember(&mask, SIGTERM), 1);
    EXPECT_EQ(sigismember(&mask, SIGINT), 1);
    EXPECT_EQ(sigismember(&mask, SIGHUP), 0);
  }).join();
  EXPECT_EQ(Take(), SIGTERM);
}

TEST_F(StopSignalTest, NamesTheSignalThatCame) {
  EXPECT_EQ(NameOf(SIGTERM), "SIGTERM");
  EXPECT_EQ(NameOf(SIGINT), "SIGINT");
}

TEST_F(StopSignalTest, TellsOfASignalThatCameBeforeItWasThere) {
  kill(getpid(), SIGINT);
  absl::Notification called;
  const StopSignal stop([&](const std::string&) { called.Notify(); });
  EXPECT_TRUE(called.WaitForNotificationWithTimeout(kPatience));
}

TEST_F(StopSignalTest, CallsOnAnotherThread) {
  const std::thread::id here = std::this_thread::get_id();
  std::thread::id there;
  absl::Notification called;
  const StopSignal stop([&](const std::string&) {
    there = std::this_thread::get_id();
    called.Notify();
  });
  kill(getpid(), SIGTERM);
  ASSERT_TRUE(called.WaitForNotificationWithTimeout(kPatience));
  EXPECT_NE(there, here);
}

TEST_F(StopSignalTest, LeavesASecondSignalAlone) {
  {
    int calls = 0;
    absl::Notification called;
    const StopSignal stop([&](const std::string&) {
      EXPECT_EQ(++calls, 1);
      if (calls > 1) return;
      kill(getpid(), SIGINT);
      called.Notify();
    });
    kill(getpid(), SIGTERM);
    ASSERT_TRUE(called.WaitForNotificationWithTimeout(kPatience));
  }
  EXPECT_EQ(Take(), SIGINT);
}

TEST_F(StopSignalTest, EndsWithoutASignal) {
  bool called = false;
  {
    const StopSignal stop([&](const std::string&) { called = true; });
  }
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace tributary
