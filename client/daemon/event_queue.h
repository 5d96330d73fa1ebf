// EventQueue: all events of a daemon in the order of their arrival, for the one thread that
// decides.
//
// gRPC's threads, the worker and the signal thread only push. All decisions are made by the thread
// that pops, so that the session's state needs no locks.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <variant>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

// The coordinator said something on Attend stream number `stream`.
struct ServerSaid {
  uint64_t stream;
  v1::ServerMessage message;
};
// Attend stream number `stream` is over; `status` says why.
struct StreamClosed {
  uint64_t stream;
  absl::Status status;
};
// The worker has built the model of session `stream`, or could not.
struct TrainerReady {
  uint64_t stream;
  absl::Status status;
};
// The worker is done with a task. OK: delivered, not wanted any more, or cancelled.
struct TaskEnded {
  uint32_t round;
  uint32_t attempt;
  absl::Status status;
};
// The worker has news on its board.
struct WorkProgressed {};
// The daemon was asked to stop.
struct StopAsked {};

using Event =
    std::variant<ServerSaid, StreamClosed, TrainerReady, TaskEnded, WorkProgressed, StopAsked>;

// Thread-safe.
class EventQueue {
 public:
  void Push(Event event) {
    absl::MutexLock lock(&mutex_);
    events_.push_back(std::move(event));
  }

  // The next event, or nothing if none has come by `deadline`.
  std::optional<Event> PopUntil(absl::Time deadline) {
    absl::MutexLock lock(&mutex_);
    const auto any = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !events_.empty(); };
    if (!mutex_.AwaitWithDeadline(absl::Condition(&any), deadline)) return std::nullopt;
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  absl::Mutex mutex_;
  std::deque<Event> events_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
