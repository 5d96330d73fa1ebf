// LiveRound: one attempt at a round while clients work on it, as their streams see it.
//
// It puts together who is how far (CohortTasks), whose turn it is to upload (UploadQueue), the
// models that are downloaded and the sums (Aggregator), and tells of what happens to updates. The
// coordinator asks it for its state and decides; handlers of any thread tell it what clients do:
//
//   Accept, Lost, Fail                          of the task
//   Download                                    of a pull
//   AwaitTurn, Ask                              of a question whether to push
//   BeginPush, AwaitRoom, AppendChunk ..., FinishPush    of a push, in this order
//
// A client's fault closes that client's part and nothing else.
//
// Thread-safe. A chunk is verified on the thread that calls AppendChunk(), an update is added on
// that of FinishPush() or, if the aggregator keeps it, by the merge. Turns and `wake` are called
// with no lock held.
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
#include "server/round/cohort_tasks.h"
#include "server/round/model_downloads.h"
#include "server/round/published_model.h"
#include "server/round/round_state.h"
#include "server/round/round_timings.h"
#include "server/round/run_events.h"
#include "server/round/upload_queue.h"
#include "server/store/round_record.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

struct RoundOptions {
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
  RunEvents* events = nullptr;
  CohortTasks::CheckReport check_report = nullptr;
};

class LiveRound : public ModelDownloads {
 public:
  // Called, from any thread, after a change that the coordinator should look at.
  using Wake = std::function<void()>;

  LiveRound(RoundOptions options, Wake wake);

  int round() const { return options_.round; }
  int attempt() const { return options_.attempt; }
  const std::vector<CohortMember>& cohort() const { return options_.cohort; }

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
  // The client gives the task up, for `reason`. Ignored if it is not its to give up any more.
  void Fail(const std::string& client, const std::string& reason);

  absl::StatusOr<std::shared_ptr<const EncodedState>> Download(
      const std::string& client, uint64_t held_version, uint32_t first_chunk = 0) const override;

  // What is held of the client's update.
  v1::UpdateState Ask(const std::string& client) const;
  // Calls `answer`, from any thread and perhaps at once, when Ask() may be answered: where an
  // update of `bytes` is wanted from its first chunk on, in its turn. If the client asks or pushes
  // again meanwhile, the older `answer` is called at once.
  void AwaitTurn(const std::string& client, uint64_t bytes, UploadQueue::Turn answer);
  // Begins or resumes an upload at chunk header.first_chunk(). The result's ticket is for
  // AppendChunk() and FinishPush(); an earlier stream of the same client loses its own. Without a
  // ticket (< 0) the state is the answer to the push, and final unless it is STATE_WANTED.
  CohortTasks::Start BeginPush(const std::string& client, const v1::PushHeader& header);
  // Calls `read`, from any thread and perhaps at once, when chunks of the upload may be read.
  void AwaitRoom(const std::string& client, int ticket, UploadQueue::Turn read);
  // Lets those uploads begin that have waited long enough. To be called now and then.
  void AdmitOverdue() { Admit(); }
  // A buffer for the next chunk.
  std::string TakeBuffer() { return options_.spool_budget->TakeBuffer(); }
  // Verifies and spools the next chunk. Aborted: the ticket is no longer valid; any other error:
  // see what Ask() says now.
  absl::Status AppendChunk(const std::string& client, int ticket, std::string chunk);
  // All chunks have come: adds the update.
  v1::UpdateState FinishPush(const std::string& client, int ticket);

  // No update is taken from now on: those under way are told that they are late. Drops the models
  // that are downloaded, once the streams that read them are done.
  void Close();
  // Not OK if our own disk has spoiled the sums: the round must be attempted anew.
  absl::Status health() const { return options_.aggregator->health(); }
  // The sums, to be merged or taken back. Requires Close() before.
  Aggregator* aggregator() { return options_.aggregator.get(); }

  RoundTimings& timings() { return timings_; }
  void CountDown(uint64_t bytes) override { bytes_down_ += bytes; }
  WallSpan& send() override { return timings_.send; }
  uint64_t bytes_down() const { return bytes_down_; }
  uint64_t bytes_up() const { return bytes_up_; }
  // The updates that are held, by client.
  std::map<std::string, UpdateRecord> Updates() const;

 private:
  std::shared_ptr<Upload> NewUpload(const CohortMember& member, uint64_t most_bytes) const;
  // Lets in those whose turn it is, now that something has changed.
  void Admit();
  // The same, after memory was freed, and wakes the coordinator.
  void AfterMemoryWasFreed();
  void Reject(const std::string& client, std::shared_ptr<Upload> upload,
              const absl::Status& status);

  RoundOptions options_;
  const Wake wake_;
  RoundTimings timings_;
  std::atomic<uint64_t> bytes_down_ = 0;
  std::atomic<uint64_t> bytes_up_ = 0;
  mutable absl::Mutex mutex_;
  absl::CondVar added_;
  CohortTasks tasks_ ABSL_GUARDED_BY(mutex_);
  UploadQueue queue_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tributary
