// absl::Mutex and absl::CondVar as ThreadSanitizer can see them.
//
// Debian's Abseil is not built for ThreadSanitizer, which therefore takes every access under an
// absl::Mutex for a race. These definitions stand in front of the library's, in tests of the tsan
// preset alone: a word that is taken and given back with instrumented atomics, and waiting by
// looking again. Slow and correct. Readers exclude each other.
#include <atomic>
#include <chrono>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"

namespace absl {

Mutex::~Mutex() = default;
CondVar::~CondVar() = default;

bool Mutex::TryLock() {
  intptr_t free = 0;
  return mu_.compare_exchange_strong(free, 1, std::memory_order_acq_rel);
}

void Mutex::Lock() {
  while (!TryLock()) std::this_thread::sleep_for(std::chrono::microseconds(20));
}

void Mutex::Unlock() { mu_.store(0, std::memory_order_release); }

void Mutex::ReaderLock() { Lock(); }
void Mutex::ReaderUnlock() { Unlock(); }
bool Mutex::ReaderTryLock() { return TryLock(); }
void Mutex::AssertHeld() const {}
void Mutex::AssertReaderHeld() const {}

bool Mutex::AwaitWithDeadline(const Condition& condition, absl::Time deadline) {
  while (!condition.Eval()) {
    if (absl::Now() >= deadline) return false;
    Unlock();
    std::this_thread::sleep_for(std::chrono::microseconds(20));
    Lock();
  }
  return true;
}

bool Mutex::AwaitWithTimeout(const Condition& condition, absl::Duration timeout) {
  return AwaitWithDeadline(condition, absl::Now() + timeout);
}

void Mutex::Await(const Condition& condition) {
  AwaitWithDeadline(condition, absl::InfiniteFuture());
}

bool Mutex::LockWhenWithDeadline(const Condition& condition, absl::Time deadline) {
  Lock();
  return AwaitWithDeadline(condition, deadline);
}

bool Mutex::LockWhenWithTimeout(const Condition& condition, absl::Duration timeout) {
  return LockWhenWithDeadline(condition, absl::Now() + timeout);
}

void Mutex::LockWhen(const Condition& condition) {
  LockWhenWithDeadline(condition, absl::InfiniteFuture());
}

void Mutex::ReaderLockWhen(const Condition& condition) { LockWhen(condition); }

bool Mutex::ReaderLockWhenWithDeadline(const Condition& condition, absl::Time deadline) {
  return LockWhenWithDeadline(condition, deadline);
}

bool Mutex::ReaderLockWhenWithTimeout(const Condition& condition, absl::Duration timeout) {
  return LockWhenWithTimeout(condition, timeout);
}

// The word counts signals; whoever waits sees it change. Waking more than one is allowed.
bool CondVar::WaitWithDeadline(Mutex* mutex, absl::Time deadline) {
  const intptr_t before = cv_.load(std::memory_order_acquire);
  mutex->Unlock();
  bool expired = false;
  while (cv_.load(std::memory_order_acquire) == before && !expired) {
    expired = absl::Now() >= deadline;
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
  mutex->Lock();
  return expired;
}

bool CondVar::WaitWithTimeout(Mutex* mutex, absl::Duration timeout) {
  return WaitWithDeadline(mutex, absl::Now() + timeout);
}

void CondVar::Wait(Mutex* mutex) { WaitWithDeadline(mutex, absl::InfiniteFuture()); }
void CondVar::Signal() { cv_.fetch_add(1, std::memory_order_acq_rel); }
void CondVar::SignalAll() { Signal(); }

}  // namespace absl
