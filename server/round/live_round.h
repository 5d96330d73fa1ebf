// LiveRound: one attempt at a round while clients work on it.
//
// It holds what the streams need (the encoded models, shared by all), who of the cohort is how far,
// and the uploads that are arriving. The coordinator asks it for its state and decides; gRPC
// handlers tell it what clients do.
//
// A client's fault closes that client's part and nothing else.
//
// Uploads reserve room in memory before they begin. Where there is none, a client's question
// whether to push waits for its answer, or its push, unread, for those before it to be added: that
// is the back-pressure. Where those before it come over a slow line, so that they will not be there
// within kLongestTurn, the next in turn goes to a file instead after kPatience.
//
// Thread-safe. A chunk is verified on the thread that calls AppendChunk(), an update is added on
// that of FinishPush() or, if the aggregator keeps it, of MergeInto().
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
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
#include "server/round/published_model.h"
#include "server/round/round_state.h"
#include "server/round/stage_times.h"
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
  static constexpr absl::Duration kPatience = absl::Seconds(2);
  // The most that a question waits for its answer: well below what clients wait.
  static constexpr absl::Duration kLongestTurn = absl::Seconds(10);

  struct Setup {
    int round = 0;
    int attempt = 0;
    absl::Time deadline;
    std::vector<CohortMember> cohort;                 // in increasing order of name
    std::map<std::string, PublishedModel> downloads;  // by dataset
    std::unique_ptr<Aggregator> aggregator;
    std::string spool_folder;
    std::shared_ptr<SpoolBudget> spool_budget;  // memory for uploads under way
    int threads = 1;                            // that add an update
    const Clock* clock = nullptr;
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

  // The model that `client` trains; differences from `held_version` (0: nothing), if that is what
  // it holds and there are any. NotFound if it is not in the cohort.
  absl::StatusOr<std::shared_ptr<const EncodedState>> Download(const std::string& client,
                                                               uint64_t held_version) const;

  // What is held of the client's update.
  v1::UpdateState Ask(const std::string& client) const;
  // Calls `answer`, from any thread and perhaps at once, when Ask() may be answered: where an
  // update of `bytes` is wanted from its first chunk on, in its turn.
  void AwaitTurn(const std::string& client, uint64_t bytes, std::function<void()> answer);
  // Begins or resumes an upload at chunk header.first_chunk(); returns a ticket for AppendChunk()
  // and FinishPush(). An earlier stream of the same client loses its ticket. A state other than
  // STATE_WANTED is final.
  v1::UpdateState BeginPush(const std::string& client, const v1::PushHeader& header, int* ticket);
  // Calls `begin`, from any thread and perhaps at once, when chunks of the upload may be read.
  void AwaitRoom(const std::string& client, int ticket, std::function<void()> begin);
  // Lets those uploads begin that have waited long enough. To be called now and then.
  void AdmitOverdue();
  // A buffer for the next chunk.
  std::string TakeBuffer() { return setup_.spool_budget->TakeBuffer(); }
  // Verifies and spools the next chunk. Aborted: the ticket is no longer valid; any other error:
  // see what Ask() says now.
  absl::Status AppendChunk(const std::string& client, int ticket, std::string chunk);
  // All chunks have come: adds the update.
  v1::UpdateState FinishPush(const std::string& client, int ticket, AcceptedUpdate* accepted);

  // No update is taken from now on: those under way are told that they are late. Drops the models
  // that are downloaded, once the streams that read them are done.
  void Close();
  // Not OK if our own disk has spoiled the sums: the round must be attempted anew.
  absl::Status health() const { return setup_.aggregator->health(); }
  // What the accepted updates hold beside plain parameters, by client. Requires Close() before.
  std::map<std::string, StateDict> Representations() const;
  // Turns the globals into the new ones; `beside`: see Merge(). Requires Close() before.
  absl::Status MergeInto(std::map<std::string, StateDict>* globals,
                         const BesideMerge& beside = nullptr);
  // The sums' memory, for the next round. Requires Close() before; the last use of the round.
  Sums TakeSums();

  StageTimes& stages() { return stages_; }
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
    bool adding = false;  // its upload is complete and being added
    std::shared_ptr<Upload> upload;
    v1::PushHeader header;
    int ticket = 0;       // of the stream that is pushing; counts up
    std::string refused;  // why the update was refused
    AcceptedUpdate accepted;
  };
  v1::UpdateState AskLocked(const std::string& client) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::UpdateState Added(const std::string& client, int ticket, const absl::Status& verdict,
                        uint64_t bytes, AcceptedUpdate* accepted);
  // Why an upload with this header may not begin; empty if it may.
  std::string FaultOf(const Part& part, const v1::PushHeader& header) const;
  uint64_t MostBytesOf(const Part& part, uint64_t announced) const;
  void Refuse(const std::string& client, std::shared_ptr<Upload> upload,
              const absl::Status& status);
  // Whether the uploads that hold the memory are too slow to be waited for.
  bool TooSlowLocked(absl::Duration elapsed) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Uploads that wait for memory and may begin now.
  std::vector<std::function<void()>> AdmittedLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Admit(bool progressed = true);
  std::shared_ptr<Upload> NewUpload(const Part& part, uint64_t bytes);

  Setup setup_;
  const Wake wake_;
  StageTimes stages_;
  std::atomic<uint64_t> bytes_down_ = 0;
  std::atomic<uint64_t> bytes_up_ = 0;
  mutable absl::Mutex mutex_;
  absl::CondVar added_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int adding_ ABSL_GUARDED_BY(mutex_) = 0;
  struct Waiting {
    std::string client;
    int ticket;  // of the push; of a question that of the last push
    bool question;
    absl::Time since;
    std::function<void()> begin;
  };
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  absl::Time progressed_ ABSL_GUARDED_BY(mutex_) =
      absl::InfinitePast();                       // last room given or freed
  uint64_t arrived_ ABSL_GUARDED_BY(mutex_) = 0;  // bytes since then, of uploads that have room
  std::map<std::string, Part> parts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
