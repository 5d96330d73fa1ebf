// A loop over independent jobs on a few threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"

namespace tributary {

// The machine's cores, at least 1.
inline int CoreCount() {
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

// Calls job(0) ... job(jobs - 1), each once, in no particular order, on at most `threads` threads
// of which the caller's is one. Returns when all are done.
inline void ParallelFor(int threads, size_t jobs, absl::FunctionRef<void(size_t)> job) {
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < jobs; i = next++) job(i);
  };
  const size_t most = std::min<size_t>(static_cast<size_t>(std::max(threads, 1)), jobs);
  std::vector<std::thread> others;
  for (size_t i = 1; i < most; ++i) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
}

}  // namespace tributary
