// What a process that serves thousands of connections and moves gigabytes asks of its system.
#pragma once

namespace tributary {

// Raises the soft limit of open files to the hard one: a connection for each of thousands of
// clients is more than the usual 1,024. Does nothing where that is not allowed.
void RaiseFileLimit();

// In release builds. Debian's absl is built to look for deadlocks: each lock that is taken while
// another is held goes into a graph of all locks, behind one lock of its own.
void SkipDeadlockDetection();

// Keeps the allocator from holding what it was given back. To be called before other threads
// allocate. What gRPC receives is freed on another thread than the one that took it: each arena
// would keep a share of its own. And left alone, glibc takes larger and larger blocks from its
// arenas, where the small ones between them keep them from going back.
void BoundAllocator();

}  // namespace tributary
