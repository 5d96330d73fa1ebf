// EvaluationRound: one evaluation of a round's new globals where the data lie. Each client that has
// a test part pulls the published model of its dataset, counts on its own samples, and reports the
// counts (common/train/task_counts.h). No sample leaves a client.
//
//   offered -> accepted -> reported
//                 \--------> failed     given up, or its counts were refused
//
// The coordinator makes one between merge and commit and waits for it; handlers of any thread tell
// it what clients do. Thread-safe; `wake` is called with no lock held.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/train/task_counts.h"
#include "server/round/model_downloads.h"
#include "server/round/published_model.h"
#include "server/round/round_state.h"
#include "server/round/run_events.h"
#include "tributary/v1/federation.pb.h"

namespace tributary {

// A client that is asked to evaluate.
struct EvaluationMember {
  std::string client;
  std::string dataset;
  int64_t classes = 0;       // of its dataset; 0 for pairs
  int64_t test_samples = 0;  // that it joined with
};

struct EvaluationOptions {
  int round = 0;
  int attempt = 0;
  absl::Time deadline;
  std::vector<EvaluationMember> members;
  std::map<std::string, PublishedModel> downloads;  // by dataset
  RunEvents* events = nullptr;
};

class EvaluationRound : public ModelDownloads {
 public:
  using Wake = std::function<void()>;

  EvaluationRound(EvaluationOptions options, Wake wake);

  int round() const { return options_.round; }
  int attempt() const { return options_.attempt; }
  absl::Time deadline() const { return options_.deadline; }

  absl::StatusOr<std::shared_ptr<const EncodedState>> Download(const std::string& client,
                                                               uint64_t held_version,
                                                               uint32_t first_chunk) const override;
  void CountDown(uint64_t bytes) override { bytes_down_ += bytes; }
  WallSpan& send() override { return send_; }
  uint64_t bytes_down() const { return bytes_down_; }

  // The client has taken its task; it is gone; it gives the task up.
  void Accept(const std::string& client);
  void Lost(const std::string& client);
  void Fail(const std::string& client, const std::string& reason);
  // The client's counts, or why it has none. The answer is final: STATE_ACCEPTED, STATE_REFUSED
  // (counts that cannot be) or STATE_LATE (not asked, or no longer).
  v1::UpdateState Report(const std::string& client, const v1::EvaluationReport& report);

  // Whether `client` is asked and has not answered.
  bool Wants(const std::string& client) const;
  // Those who are asked, have not answered, and whose task is not acknowledged.
  std::vector<std::string> Unacknowledged() const;
  // Those who are asked and have not answered.
  std::vector<std::string> Open() const;
  std::vector<Participant> Participants() const;

  // No report is taken from now on. By dataset and client what was reported.
  std::map<std::string, std::map<std::string, TaskCounts>> Close();

 private:
  struct Place {
    EvaluationMember member;
    TaskState state = TaskState::kOffered;
    bool acknowledged = false;  // since it was last connected
    TaskCounts counts;
  };
  // Null unless the client is asked and has not answered.
  Place* OpenPlaceLocked(const std::string& client) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<std::string> NamesLocked(bool unacknowledged) const
      ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  EvaluationOptions options_;
  const Wake wake_;
  std::atomic<uint64_t> bytes_down_ = 0;
  WallSpan send_;
  mutable absl::Mutex mutex_;
  std::map<std::string, Place> places_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tributary
