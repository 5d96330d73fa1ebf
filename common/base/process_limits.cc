#include "common/base/process_limits.h"

#include <malloc.h>
#include <sys/resource.h>

#include "absl/synchronization/mutex.h"

namespace tributary {
namespace {

// With one arena, threads wait for each other's allocations; each further arena keeps memory that
// it was given back.
constexpr int kArenas = 2;
// Larger blocks are mapped one by one and go back to the system when they are freed. The limit lies
// above any chunk (4 MiB): mapping a chunk anew costs a fault for each of its pages.
constexpr int kMappedFrom = 4 << 20;
// Free bytes that stay at an arena's end. Without them the arena's end moves with every chunk, and
// its pages are returned and faulted in again.
constexpr int kKept = 16 << 20;

}  // namespace

void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void SkipDeadlockDetection() {
#ifdef NDEBUG
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif
}

void BoundAllocator() {
  // Setting the mmap threshold also switches off glibc's moving one, which rises with each large
  // block that is freed: the coordinator's peak memory wandered with it.
  // NOLINTBEGIN(concurrency-mt-unsafe): callers run this before other threads allocate.
  mallopt(M_ARENA_MAX, kArenas);
  mallopt(M_MMAP_THRESHOLD, kMappedFrom);
  mallopt(M_TRIM_THRESHOLD, kKept);
  // NOLINTEND(concurrency-mt-unsafe)
}

}  // namespace tributary
