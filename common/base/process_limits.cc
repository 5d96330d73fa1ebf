#include "common/base/process_limits.h"

#include <malloc.h>
#include <sys/resource.h>

#include "absl/synchronization/mutex.h"

namespace tributary {
namespace {

constexpr int kArenas = 2;            // with one, threads wait for each other
constexpr int kMappedFrom = 4 << 20;  // above any chunk: pages that are mapped anew cost as much
constexpr int kKept = 16 << 20;       // at an arena's end, or pages come and go with each chunk

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
  // NOLINTBEGIN(concurrency-mt-unsafe): the caller sees to that.
  mallopt(M_ARENA_MAX, kArenas);
  mallopt(M_MMAP_THRESHOLD, kMappedFrom);
  mallopt(M_TRIM_THRESHOLD, kKept);
  // NOLINTEND(concurrency-mt-unsafe)
}

}  // namespace tributary
