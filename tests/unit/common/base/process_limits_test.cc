#include "common/base/process_limits.h"

#include <cstdlib>
#include <memory>

#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>

#include "absl/synchronization/mutex.h"

namespace tributary {
namespace {

rlimit FileLimit() {
  rlimit limit{};
  EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  return limit;
}

TEST(RaiseFileLimitTest, RaisesTheSoftLimitToTheHardOne) {
  const rlimit before = FileLimit();
  rlimit low = before;
  low.rlim_cur = 64;
  ASSERT_LT(low.rlim_cur, low.rlim_max);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  RaiseFileLimit();
  const rlimit raised = FileLimit();
  EXPECT_EQ(raised.rlim_cur, before.rlim_max);
  EXPECT_EQ(raised.rlim_max, before.rlim_max) << "the hard limit is not ours to change";
  RaiseFileLimit();
  EXPECT_EQ(FileLimit().rlim_cur, before.rlim_max);
  EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

#ifdef NDEBUG
// Takes two locks in either order, one after the other: no deadlock, but the look of one.
void LockInBothOrders() {
  absl::Mutex a, b;
  { const absl::MutexLock first(&a), second(&b); }
  { const absl::MutexLock first(&b), second(&a); }
}

TEST(SkipDeadlockDetectionTest, LocksInAnyOrderAreNotReported) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        SkipDeadlockDetection();
        LockInBothOrders();
        std::_Exit(0);
      },
      testing::ExitedWithCode(0), "");
}
#endif

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// Whether a block of so many bytes is mapped for itself, and not taken from an arena.
bool IsMapped(size_t bytes) {
  const size_t before = mallinfo2().hblks;
  const std::unique_ptr<char[]> block(new char[bytes]);
  // The compiler may leave an allocation out that nobody looks at.
  asm volatile("" : : "g"(block.get()) : "memory");
  return mallinfo2().hblks > before;
}

TEST(BoundAllocatorTest, LargeBlocksAreMappedWhateverWasFreedBefore) {
  BoundAllocator();
  EXPECT_FALSE(IsMapped(2 << 20)) << "a chunk's size comes from an arena";
  EXPECT_TRUE(IsMapped(16 << 20));
  // Without a bound glibc would raise its own threshold to the largest block that was freed.
  EXPECT_TRUE(IsMapped(6 << 20));
}
#endif

}  // namespace
}  // namespace tributary
