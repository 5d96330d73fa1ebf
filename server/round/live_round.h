// LiveRound: one attempt at a round while clients work on it.
//
// It holds what the streams need (the encoded models, shared by all), who of the cohort is how far,
// and the uploads that are arriving. The coordinator asks it for its state and decides; gRPC
// handlers tell it what clients do.
//
// A client's fault closes that client's part and nothing else.
//
// Thread-safe. An update is verified on the thread that calls FinishPush().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/codec/encoded_state.h"
#include "server/aggregation/aggregator.h"
#include "server/round/round_state.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

// What is known of an update that was accepted.
struct AcceptedUpdate {
  std::string client;
  uint64_t bytes = 0;
  v1::TrainingReport report;
};

class LiveRound {
 public:
  struct Setup {
    int round = 0;
    int attempt = 0;
    absl::Time deadline;
    std::vector<CohortMember> cohort;  // in increasing order of name
    std::map<std::string, std::shared_ptr<const EncodedState>> downloads;  // by dataset
    std::unique_ptr<Aggregator> aggregator;
    std::string spool_folder;
    int64_t spool_budget = 0;  // bytes of memory for uploads under way
  };
  // Called, from any thread, after a change that the coordinator should look at.
  using Wake = std::function<void()>;

  LiveRound(Setup setup, Wake wake);

  int round() const { return setup_.round; }
  int attempt() const { return setup_.attempt; }
  const std::vector<CohortMember>& cohort() const { return setup_.cohort; }

  // State for Decide().
  RoundState State() const;
  // Clients whose task is not acknowledged, or whose connection was lost since: to be offered
  // again.
  std::vector<std::string> Unacknowledged() const;
  // Whether `client` is in the cohort and may still report.
  bool Wants(const std::string& client) const;

  // The client has taken the task.
  void Accept(const std::string& client);
  // The client is gone: its task is offered again when it comes back. What it has pushed stays.
  void Lost(const std::string& client);
  // The client gives the task up. False if it is not its to give up any more.
  bool Fail(const std::string& client);

  // The model that `client` trains. NotFound if it is not in the cohort.
  absl::StatusOr<std::shared_ptr<const EncodedState>> Download(const std::string& client) const;

  // What is held of the client's update.
  v1::UpdateState Ask(const std::string& client) const;
  // Begins or resumes an upload at chunk header.first_chunk(); returns a ticket for AppendChunk()
  // and FinishPush(). An earlier stream of the same client loses its ticket. A state other than
  // STATE_WANTED is final.
  v1::UpdateState BeginPush(const std::string& client, const v1::PushHeader& header, int* ticket);
  // Spools the next chunk. Aborted: the ticket is no longer valid.
  absl::Status AppendChunk(const std::string& client, int ticket, std::string chunk);
  // All chunks have come: verifies and adds the update.
  v1::UpdateState FinishPush(const std::string& client, int ticket, AcceptedUpdate* accepted);

  // No update is taken from now on: those under way are told that they are late.
  void Close();
  // What the accepted updates hold beside plain parameters, by client. Requires Close() before.
  std::map<std::string, StateDict> Representations() const;
  // The new globals. Requires Close() before.
  absl::StatusOr<std::map<std::string, StateDict>> Merge(
      const std::map<std::string, StateDict>& globals);

  void CountDown(uint64_t bytes) { bytes_down_ += bytes; }
  void CountUp(uint64_t bytes) { bytes_up_ += bytes; }
  uint64_t bytes_down() const { return bytes_down_; }
  uint64_t bytes_up() const { return bytes_up_; }
  // Of the clients that have reported, by name.
  std::map<std::string, AcceptedUpdate> Accepted() const;

 private:
  struct Part {
    const CohortMember* member = nullptr;
    uint64_t elements = 0, tensors = 0;  // of its manifest: bound what it may upload
    TaskState state = TaskState::kOffered;
    bool acknowledged = false;
    bool verifying = false;  // its upload is complete and being verified and added
    std::unique_ptr<Spool> spool;
    v1::PushHeader header;
    int ticket = 0;       // of the stream that is pushing; counts up
    std::string refused;  // why the update was refused
    AcceptedUpdate accepted;
  };
  v1::UpdateState AskLocked(const std::string& client) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::UpdateState Verified(const std::string& client, int ticket, const absl::Status& verdict,
                           uint64_t bytes, AcceptedUpdate* accepted);

  Setup setup_;
  const Wake wake_;
  SpoolBudget budget_;
  std::atomic<uint64_t> bytes_down_ = 0;
  std::atomic<uint64_t> bytes_up_ = 0;
  mutable absl::Mutex mutex_;
  absl::CondVar verified_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int verifying_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, Part> parts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
