// What a process that serves thousands of connections and moves gigabytes asks of its system.
#pragma once

namespace tributary {

// Raises the soft limit of open files to the hard one: a connection for each of thousands of
// clients is more than the usual 1,024. Does nothing where that is not allowed.
void RaiseFileLimit();

// Switches off Abseil's search for deadlocks, in release builds only. Debian builds it in: each
// lock that is taken while another is held is entered into one graph of all locks, which a global
// lock guards.
void SkipDeadlockDetection();

// Bounds the memory that the allocator keeps after it was freed. Call it before other threads
// allocate. Two habits of glibc make a coordinator's memory grow without it: gRPC's buffers are
// freed on another thread than the one that allocated them, so that each arena keeps a share; and
// the threshold from which blocks are mapped rises with use, until large blocks come from arenas,
// where small blocks between them prevent their return.
void BoundAllocator();

}  // namespace tributary
