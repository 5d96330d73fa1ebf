// RunControl: what an operator has decided about a run: whether it is paused, who is evicted, how
// many rounds it has. It outlives a restart of the coordinator, in operator.json of the state
// folder:
//
//   {"paused": MARK, "evicted": {"CLIENT": MARK}, "rounds": {MARK, "rounds", "in_place_of"}}
//   MARK: "by", "time" (RFC 3339), "reason"
//
// Each change is on the disk before it takes effect. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace tributary {

// Who decided something, when and why. `reason` may be empty.
struct OperatorMark {
  std::string by;
  absl::Time when;
  std::string reason;
};

// "by alice since 2026-01-31T14:02:07+00:00: reason"
std::string InWords(const OperatorMark& mark);

class RunControl {
 public:
  // What `path` holds; nothing is decided where there is no file. An empty path keeps decisions in
  // memory only. DataLoss if the file cannot be read as what it is.
  static absl::StatusOr<std::unique_ptr<RunControl>> Open(const std::string& path);

  std::optional<OperatorMark> paused() const;
  // FailedPrecondition if it is paused already.
  absl::Status Pause(const OperatorMark& mark);
  // FailedPrecondition if it is not paused.
  absl::Status Resume();

  // Nothing if the client is not evicted.
  std::optional<OperatorMark> Evicted(const std::string& client) const;
  std::map<std::string, OperatorMark> evicted() const;  // by client
  // A client that is evicted already keeps its first mark: FailedPrecondition.
  absl::Status Evict(const std::string& client, const OperatorMark& mark);
  // NotFound if the client is not evicted.
  absl::Status Forgive(const std::string& client);

  // The number of rounds of a run whose run file says `in_file`: what an operator has set, unless
  // the run file was changed since.
  int RoundsInPlaceOf(int in_file) const;
  absl::Status SetRounds(int rounds, int in_file, const OperatorMark& mark);

 private:
  struct Rounds {
    int rounds = 0;
    int in_place_of = 0;
    OperatorMark mark;
  };
  struct State {
    std::optional<OperatorMark> paused;
    std::map<std::string, OperatorMark> evicted;
    std::optional<Rounds> rounds;
  };

  explicit RunControl(std::string path) : path_(std::move(path)) {}
  absl::Status Read();
  // Writes `state` and makes it the present one.
  absl::Status Become(const State& state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  mutable absl::Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
