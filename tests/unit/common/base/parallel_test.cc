#include "common/base/parallel.h"

#include <atomic>
#include <latch>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "absl/synchronization/mutex.h"

namespace tributary {
namespace {

// The threads that worked, and how many calls there were.
class Workers {
 public:
  void Add() {
    absl::MutexLock lock(&mutex_);
    ids_.insert(std::this_thread::get_id());
    ++calls_;
  }
  size_t threads() const {
    absl::MutexLock lock(&mutex_);
    return ids_.size();
  }
  int calls() const {
    absl::MutexLock lock(&mutex_);
    return calls_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::set<std::thread::id> ids_ ABSL_GUARDED_BY(mutex_);
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST(CoreCountTest, ThereIsOneAtLeast) { EXPECT_GE(CoreCount(), 1); }

TEST(RunOnThreadsTest, RunsOnAsManyThreadsAsAsked) {
  for (const int threads : {1, 2, 5}) {
    Workers workers;
    RunOnThreads(threads, 100, [&](bool) { workers.Add(); });
    EXPECT_EQ(workers.calls(), threads);
    EXPECT_EQ(workers.threads(), static_cast<size_t>(threads));
  }
}

TEST(RunOnThreadsTest, StartsNoMoreThreadsThanThereAreJobs) {
  Workers workers;
  RunOnThreads(8, 3, [&](bool) { workers.Add(); });
  EXPECT_EQ(workers.calls(), 3);
}

TEST(RunOnThreadsTest, TheCallersThreadTakesPartAndIsTold) {
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> told = 0;
  RunOnThreads(4, 4, [&](bool is_caller) {
    EXPECT_EQ(is_caller, std::this_thread::get_id() == caller);
    told += is_caller ? 1 : 0;
  });
  EXPECT_EQ(told, 1);
}

TEST(RunOnThreadsTest, NoThreadsOrNoJobsStillMeansTheCaller) {
  for (const auto& [threads, jobs] : {std::pair(0, 5), std::pair(-3, 5), std::pair(4, 0)}) {
    Workers workers;
    RunOnThreads(threads, static_cast<size_t>(jobs), [&](bool is_caller) {
      EXPECT_TRUE(is_caller);
      workers.Add();
    });
    EXPECT_EQ(workers.calls(), 1) << threads << " threads, " << jobs << " jobs";
  }
}

TEST(RunOnThreadsTest, ReturnsWhenAllHaveReturned) {
  // The caller's call ends last or first; either way the others' results are there.
  for (int round = 0; round < 50; ++round) {
    std::vector<int> results(4);
    std::atomic<size_t> place = 0;
    RunOnThreads(4, 4, [&](bool) { results[place++] = 1; });
    EXPECT_EQ(results, std::vector<int>(4, 1));
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
