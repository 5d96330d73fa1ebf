#include "common/base/parallel.h"

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tributary {
namespace {

TEST(CoreCountTest, ThereIsOneAtLeast) { EXPECT_GE(CoreCount(), 1); }

TEST(ParallelForTest, RunsOnAsManyThreadsAsAsked) {
  // Each job waits for all others: on fewer threads this test would not end.
  constexpr int kThreads = 5;
  std::latch all(kThreads);
  ParallelFor(kThreads, kThreads, [&](size_t) { all.arrive_and_wait(); });
}

TEST(ParallelForTest, NoThreadsStillMeansTheCaller) {
  for (const int threads : {1, 0, -3}) {
    int done = 0;
    ParallelFor(threads, 5, [&, caller = std::this_thread::get_id()](size_t) {
      EXPECT_EQ(std::this_thread::get_id(), caller);
      ++done;
    });
    EXPECT_EQ(done, 5) << threads;
  }
}

TEST(ParallelForTest, DoesEveryJobOnce) {
  for (const int threads : {1, 3}) {
    for (const size_t jobs : {size_t{0}, size_t{1}, size_t{2}, size_t{1000}}) {
      std::vector<std::atomic<int>> done(jobs);
      ParallelFor(threads, jobs, [&](size_t job) { ++done[job]; });
      for (size_t job = 0; job < jobs; ++job) EXPECT_EQ(done[job], 1) << job;
    }
  }
}

TEST(ParallelForTest, JobsOfSeveralThreadsRunAtTheSameTime) {
  // Each waits for the two others: with fewer threads nobody would get on.
  std::latch all(3);
  ParallelFor(3, 3, [&](size_t) { all.arrive_and_wait(); });
  EXPECT_TRUE(all.try_wait());
}

TEST(ParallelForTest, OneThreadIsTheCallersAndKeepsTheOrder) {
  std::vector<size_t> order;
  const std::thread::id caller = std::this_thread::get_id();
  ParallelFor(1, 5, [&](size_t job) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    order.push_back(job);
  });
  EXPECT_EQ(order, (std::vector<size_t>{0, 1, 2, 3, 4}));
}

}  // namespace
}  // namespace tributary
