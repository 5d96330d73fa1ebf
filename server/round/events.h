// EventLog: what happens in a run, as numbered events that a person and a program can read.
//
// Each event is one JSON object: {"sequence", "time", "unix_ms", "kind", "message", "data"}. Events
// are appended to events.jsonl in the state folder and handed to every subscriber; those of kind
// "progress" are live only. Sequence numbers go on after a restart. docs/events.md lists the kinds
// and their data.
//
// Thread-safe. Subscribers are called one at a time, in order, and must not call back into the log.
#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"

namespace tributary {

struct RunEvent {
  uint64_t sequence = 0;
  int64_t unix_ms = 0;
  std::string kind;
  std::string message;
  nlohmann::json data = nlohmann::json::object();
  bool past = false;  // of an earlier process of the run, read from the log

  nlohmann::json ToJson() const;
  // Whether nothing comes after it: the run is finished, was stopped or has failed. What an earlier
  // process ended with has been gone on from.
  bool EndsRun() const;
};

class EventLog {
 public:
  using Subscriber = std::function<void(const RunEvent&)>;

  // Opens `path` for appending and reads the last events in it; a last line that a crash
  // cut short is ended, so that the next event starts a line of its own. An empty path keeps events
  // in memory only.
  static absl::StatusOr<std::unique_ptr<EventLog>> Open(const std::string& path,
                                                        const Clock* clock);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // Appends an event. A log that cannot be written to does not stop a run: the event still reaches
  // the subscribers, and the failure is logged once.
  void Emit(absl::string_view kind, absl::string_view message,
            nlohmann::json data = nlohmann::json::object());
  // The same, live only: not written to the file and not kept for later subscribers.
  void EmitLive(absl::string_view kind, absl::string_view message, nlohmann::json data);

  // Calls `subscriber` with the kept events from `first_sequence` on, then with each new one until
  // Unsubscribe. Of what earlier processes logged, those from `since` on come first. The last 4,096
  // events are kept.
  int Subscribe(uint64_t first_sequence, Subscriber subscriber,
                absl::Time since = absl::InfiniteFuture());
  // After it returns, the subscriber is not called any more.
  void Unsubscribe(int id);

 private:
  EventLog(std::FILE* file, std::deque<RunEvent> past, const Clock* clock)
      : file_(file),
        clock_(clock),
        next_sequence_(past.empty() ? 1 : past.back().sequence + 1),
        recent_(std::move(past)) {}
  RunEvent MakeEvent(absl::string_view kind, absl::string_view message, nlohmann::json data) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Append(const RunEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Publish(const RunEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::FILE* const file_;
  const Clock* const clock_;
  absl::Mutex mutex_;
  uint64_t next_sequence_ ABSL_GUARDED_BY(mutex_);
  bool write_failed_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<RunEvent> recent_ ABSL_GUARDED_BY(mutex_);
  int next_subscriber_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int, Subscriber> subscribers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
