// RunEvents: the events of a run from typed values: the one place where those become JSON.
// docs/events.md lists the kinds and their data.
//
// Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/aggregation/scope.h"
#include "server/registry/client_registry.h"
#include "server/registry/run_context.h"
#include "server/round/events.h"
#include "server/round/progress.h"
#include "server/round/round_timings.h"
#include "server/store/round_record.h"

namespace tributary {

class RunEvents {
 public:
  // `log` must outlive this.
  explicit RunEvents(EventLog* log) : log_(log) {}

  // `resumed`: the last committed round of a run that goes on. `rounds`: that it has, if an
  // operator has set another number than the run file's.
  void RunStarted(const RunContext& context, std::optional<int> resumed,
                  std::optional<int> rounds = std::nullopt);
  // What pretrained weights did to a dataset's first global; `message` says it in words, the others
  // list tensors.
  void Pretrained(const std::string& dataset, const std::string& message,
                  const std::vector<std::string>& taken, const std::vector<std::string>& skipped,
                  const std::vector<std::string>& random);
  // `result`: what result.json holds.
  void RunFinished(const nlohmann::json& result);
  // The run ended before it was finished: run_stopped if `status` is Cancelled, run_failed for
  // another error. Returns what the run's end is to its caller: OK for a stop.
  absl::Status RunEnded(const absl::Status& status);

  // `held_rounds`: whose finished update is on the client's disk.
  void ClientJoined(const ClientInfo& client, const std::vector<uint32_t>& held_rounds);
  void ClientRefused(const std::string& client, const std::string& reason);
  void ClientLeft(const std::string& client, const std::string& reason);
  // The client was not heard of for longer than a client may be silent.
  void ClientFellSilent(const std::string& client);

  // What an operator did: `action` is "pause", "resume", "stop", "evict", "forgive" or "set";
  // `more` says to whom or what.
  void OperatorAction(const std::string& action, const std::string& by, const std::string& reason,
                      const nlohmann::json& more);

  void RoundStarted(int round, int attempt, int rounds, const std::vector<CohortMember>& cohort);
  // `took`: the upload.
  void UpdateAccepted(int round, const std::string& client, const UpdateRecord& update,
                      absl::Duration took);
  void UpdateRefused(int round, const std::string& client, const std::string& reason);
  void TaskFailed(int round, const std::string& client, const std::string& reason);
  // A client that was asked to evaluate has not, and its counts are missing.
  void EvaluationFailed(int round, const std::string& client, const std::string& reason);
  void RoundRetry(int round, int attempt, const std::string& reason);
  // `seconds`: from the sampling to now, the commit included. `seconds_left`: estimate for the
  // rounds that are left; 0: none.
  void RoundCommitted(const RoundRecord& record, int rounds, double seconds,
                      const RoundTimings& timings, double seconds_left = 0);

  // This round's models are the best so far by `metric`, "DATASET.METRIC".
  void BestModels(int round, const std::string& metric, double value);
  // The run ends after this round, though others were to come.
  void StoppedEarly(int round, const std::string& reason);

  // Live only: neither stored nor kept.
  void Progress(const RunSnapshot& snapshot, const std::vector<ClientInfo>& known);

 private:
  EventLog* const log_;
};

}  // namespace tributary
