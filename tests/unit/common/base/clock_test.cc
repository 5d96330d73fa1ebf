#include "common/base/clock.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "common/base/simulated_clock.h"

namespace tributary {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1000);

// Something that a thread waits for with a clock.
struct Flag {
  bool Await(const Clock& clock, absl::Time deadline) {
    absl::MutexLock lock(&mutex);
    return clock.AwaitWithDeadline(&mutex, absl::Condition(&set), deadline);
  }
  void Set() {
    absl::MutexLock lock(&mutex);
    set = true;
  }

  absl::Mutex mutex;
  bool set ABSL_GUARDED_BY(mutex) = false;
};

TEST(SystemClockTest, TellsTheMachinesTime) {
  const absl::Time before = absl::Now();
  const absl::Time told = SystemClock().Now();
  const absl::Time after = absl::Now();
  EXPECT_GE(told, before);
  EXPECT_LE(told, after);
}

TEST(SystemClockTest, WaitsForTheConditionNoLongerThanItsDeadline) {
  Flag flag;
  EXPECT_FALSE(flag.Await(SystemClock(), SystemClock().Now()));
  flag.Set();
  EXPECT_TRUE(flag.Await(SystemClock(), SystemClock().Now()));
  EXPECT_TRUE(flag.Await(SystemClock(), absl::InfiniteFuture()));
}

TEST(SimulatedClockTest, StandsStillUntilItIsAdvanced) {
  SimulatedClock clock(kStart);
  EXPECT_EQ(clock.Now(), kStart);
  clock.Advance(absl::Seconds(3));
  EXPECT_EQ(clock.Now(), kStart + absl::Seconds(3));
}

TEST(SimulatedClockTest, KeepsEveryAdvanceOfSeveralThreads) {
  SimulatedClock clock(kStart);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&clock] {
      for (int step = 0; step < 1'000; ++step) clock.Advance(absl::Nanoseconds(1));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(clock.Now(), kStart + absl::Nanoseconds(4'000));
}

TEST(SimulatedClockTest, WakesAWaiterWhenItsDeadlineHasCome) {
  SimulatedClock clock(kStart);
  Flag flag;
  absl::Time woken;
  std::thread waiter([&] {
    EXPECT_FALSE(flag.Await(clock, kStart + absl::Seconds(10)));
    woken = clock.Now();
  });
  clock.AwaitWaiters(1);
  clock.Advance(absl::Seconds(9));
  clock.AwaitWaiters(1);
  clock.Advance(absl::Seconds(1));
  waiter.join();
  EXPECT_EQ(woken, kStart + absl::Seconds(10));
}

TEST(SimulatedClockTest, WakesAWaiterWhoseConditionHoldsWithoutTime) {
  SimulatedClock clock(kStart);
  Flag flag;
  std::thread waiter([&] { EXPECT_TRUE(flag.Await(clock, kStart + absl::Seconds(10))); });
  clock.AwaitWaiters(1);
  flag.Set();
  waiter.join();
  EXPECT_EQ(clock.Now(), kStart);
}

TEST(SimulatedClockTest, NobodyWaitsForWhatIsThereOrForAPastTime) {
  SimulatedClock clock(kStart);
  Flag flag;
  EXPECT_FALSE(flag.Await(clock, kStart));
  flag.Set();
  EXPECT_TRUE(flag.Await(clock, kStart - absl::Seconds(1)));
}

// Waiters come and go, each with a mutex that dies with its wait, while the time moves on.
TEST(SimulatedClockTest, AdvancesPastWaitersThatLeave) {
  SimulatedClock clock(kStart);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&clock, i] {
      for (int turn = 0; turn < 200; ++turn) {
        Flag flag;
        std::thread setter;
        if (turn % 2 == 0) setter = std::thread([&] { flag.Set(); });
        const absl::Time deadline = clock.Now() + absl::Seconds(1 + i);
        const bool set = flag.Await(clock, deadline);
        EXPECT_TRUE(set || clock.Now() >= deadline);
        if (setter.joinable()) setter.join();
      }
    });
  }
  std::atomic<bool> done = false;
  std::thread time([&] {
    while (!done) clock.Advance(absl::Seconds(1));
  });
  for (std::thread& thread : threads) thread.join();
  done = true;
  time.join();
}

}  // namespace
}  // namespace tributary
