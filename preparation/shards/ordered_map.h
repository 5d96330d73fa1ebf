// MapInOrder: work on several threads whose results are taken in order, a bounded number ahead.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace tributary {

// What MapInOrder's threads share. `T`: default-constructible or not, movable.
template <typename T>
class OrderedResults {
 public:
  OrderedResults(size_t begin, size_t end, size_t window)
      : end_(end), next_(begin), taken_(begin), results_(window) {}

  // The next number to work on, once its result has room; nothing when there is none left.
  std::optional<size_t> Begin() {
    absl::MutexLock lock(&mutex_);
    // Back-pressure: a worker waits until the place that its result goes to has been taken from.
    const auto may_begin = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return stopped_ || next_ >= end_ || next_ < taken_ + results_.size();
    };
    mutex_.Await(absl::Condition(&may_begin));
    if (stopped_ || next_ >= end_) return std::nullopt;
    return next_++;
  }

  void Put(size_t number, T result) {
    absl::MutexLock lock(&mutex_);
    results_[number % results_.size()] = std::move(result);
  }

  // The result of the number after the one taken last.
  T Take() {
    absl::MutexLock lock(&mutex_);
    std::optional<T>& place = results_[taken_ % results_.size()];
    const auto is_there = [&place] { return place.has_value(); };
    mutex_.Await(absl::Condition(&is_there));
    T result = *std::exchange(place, std::nullopt);
    ++taken_;
    return result;
  }

  void Stop() {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
  }

 private:
  const size_t end_;
  absl::Mutex mutex_;
  size_t next_ ABSL_GUARDED_BY(mutex_);
  size_t taken_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::optional<T>> results_;  // of number n at n % size
};

// Calls make(n) for n in [begin, end) on `threads` threads, and take(n, result) for one after the
// other, in order, on the caller's. At most `window` >= 1 results are made ahead. Returns the first
// error of take(), after which nothing more is begun. `make` must not throw.
template <typename T>
absl::Status MapInOrder(int threads, size_t begin, size_t end, size_t window,
                        absl::FunctionRef<T(size_t)> make,
                        absl::FunctionRef<absl::Status(size_t, T)> take) {
  OrderedResults<T> results(begin, end, window);
  std::vector<std::thread> workers;
  const size_t jobs = end > begin ? end - begin : 0;
  const size_t count = std::min<size_t>(static_cast<size_t>(std::max(threads, 1)), jobs);
  for (size_t i = 0; i < count; ++i) {
    workers.emplace_back([&] {
      while (const std::optional<size_t> number = results.Begin()) {
        results.Put(*number, make(*number));
      }
    });
  }
  absl::Status status;
  for (size_t number = begin; number < end && status.ok(); ++number) {
    status = take(number, results.Take());
  }
  // After an error the workers finish what they have begun; those that wait for room end.
  results.Stop();
  for (std::thread& worker : workers) worker.join();
  return status;
}

}  // namespace tributary
