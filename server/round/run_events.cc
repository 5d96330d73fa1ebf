#include "server/round/run_events.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/round/metrics_in_words.h"

namespace tributary {

void RunEvents::RunStarted(const RunContext& context, std::optional<int> resumed,
                           std::optional<int> rounds) {
  const RunConfig& config = context.config;
  const std::string method(MethodName(config));
  log_->Emit(
      "run_started",
      absl::StrCat("run ", config.name, " (", method, "), ", rounds.value_or(config.rounds),
                   " rounds",
                   resumed.has_value() ? absl::StrCat(", goes on after round ", *resumed) : ""),
      {{"run_id", context.run_id},
       {"name", config.name},
       {"method", method},
       {"rounds", rounds.value_or(config.rounds)},
       {"seed", config.seed},
       {"resumed_round", resumed.value_or(0)}});
}

void RunEvents::Pretrained(const std::string& dataset, const std::string& message,
                           const std::vector<std::string>& taken,
                           const std::vector<std::string>& skipped,
                           const std::vector<std::string>& random) {
  log_->Emit("pretrained", message,
             {{"dataset", dataset}, {"taken", taken}, {"skipped", skipped}, {"random", random}});
}

absl::Status RunEvents::RunEnded(const absl::Status& status) {
  const std::string reason(status.message());
  if (absl::IsCancelled(status)) {
    log_->Emit("run_stopped", absl::StrCat("stopped: ", reason), {{"reason", reason}});
    return absl::OkStatus();
  }
  log_->Emit("run_failed", absl::StrCat("failed: ", reason), {{"reason", reason}});
  return status;
}

void RunEvents::ClientJoined(const ClientInfo& client, const std::vector<uint32_t>& held_rounds) {
  std::string message = absl::StrCat(client.name, " attends");
  if (!held_rounds.empty()) {
    absl::StrAppend(&message, " with a finished update of round ",
                    absl::StrJoin(held_rounds, ", "));
  }
  log_->Emit("client_joined", message,
             {{"client", client.name},
              {"dataset", client.dataset},
              {"modality", std::string(ModalityName(client.modality))},
              {"samples", client.samples},
              {"device", client.device},
              {"software_version", client.software_version},
              {"data_digest", client.data_digest},
              {"schema_digest", client.schema_digest},
              {"test_samples", client.test_samples},
              {"held_rounds", held_rounds}});
}

void RunEvents::ClientRefused(const std::string& client, const std::string& reason) {
  log_->Emit("client_refused", reason, {{"client", client}, {"reason", reason}});
}

void RunEvents::ClientLeft(const std::string& client, const std::string& reason) {
  log_->Emit("client_left", absl::StrCat(client, " left: ", reason),
             {{"client", client}, {"reason", reason}});
}

void RunEvents::ClientFellSilent(const std::string& client) {
  log_->Emit("client_left", absl::StrCat(client, " fell silent"),
             {{"client", client}, {"reason", "silent"}});
}

void RunEvents::OperatorAction(const std::string& action, const std::string& by,
                               const std::string& reason, const nlohmann::json& more) {
  nlohmann::json data = {{"action", action}, {"by", by}, {"reason", reason}};
  std::string what = action;
  for (const auto& [key, value] : more.items()) {
    data[key] = value;
    absl::StrAppend(
        &what, " ",
        key == "client" ? value.get<std::string>() : absl::StrCat(key, "=", value.dump()));
  }
  log_->Emit("operator_action", absl::StrCat(what, ", by ", by, reason.empty() ? "" : ": ", reason),
             std::move(data));
}

void RunEvents::RoundStarted(int round, int attempt, int rounds,
                             const std::vector<CohortMember>& cohort) {
  nlohmann::json names = nlohmann::json::array();
  for (const CohortMember& member : cohort) names.push_back(member.client);
  log_->Emit("round_started",
             absl::StrCat("round ", round, " of ", rounds, ": ", cohort.size(), " clients sampled"),
             {{"round", round}, {"attempt", attempt}, {"cohort", std::move(names)}});
}

void RunEvents::UpdateAccepted(int round, const std::string& client, const UpdateRecord& update,
                               absl::Duration took) {
  log_->Emit("update_accepted", absl::StrCat("round ", round, ": update of ", client, " accepted"),
             {{"round", round},
              {"client", client},
              {"bytes", update.bytes},
              {"loss", update.loss},
              {"seconds", absl::ToDoubleSeconds(took)}});
}

void RunEvents::UpdateRefused(int round, const std::string& client, const std::string& reason) {
  log_->Emit("update_refused",
             absl::StrCat("round ", round, ": update of ", client, " refused: ", reason),
             {{"round", round}, {"client", client}, {"reason", reason}});
}

void RunEvents::TaskFailed(int round, const std::string& client, const std::string& reason) {
  log_->Emit("task_failed", absl::StrCat(client, " gives up: ", reason),
             {{"round", round}, {"client", client}, {"reason", reason}});
}

void RunEvents::EvaluationFailed(int round, const std::string& client, const std::string& reason) {
  log_->Emit("evaluation_failed",
             absl::StrCat(client, " does not evaluate round ", round, ": ", reason),
             {{"round", round}, {"client", client}, {"reason", reason}});
}

void RunEvents::RoundRetry(int round, int attempt, const std::string& reason) {
  log_->Emit("round_retry", absl::StrCat("round ", round, " is attempted anew: ", reason),
             {{"round", round}, {"attempt", attempt}, {"reason", reason}});
}

void RunEvents::RoundCommitted(const RoundRecord& record, int rounds, double seconds,
                               const RoundTimings& timings, double seconds_left) {
  nlohmann::json data = {{"round", record.round},
                         {"attempt", record.attempt},
                         {"seconds", seconds},
                         {"bytes_up", record.bytes_up},
                         {"bytes_down", record.bytes_down},
                         {"clients", record.updates.size()},
                         {"loss", MeanLosses(record.updates)},
                         {"stages", timings.ToJson()}};
  if (!record.model_hash.empty()) data["model_hash"] = record.model_hash;
  if (!record.tasks.empty()) data["tasks"] = TasksToJson(record.tasks);
  std::string message = absl::StrCat("round ", record.round, " of ", rounds, " committed with ",
                                     record.updates.size(), " updates");
  if (const std::string loss = LossesInShort(data["loss"]); !loss.empty()) {
    absl::StrAppend(&message, ", loss ", loss);
  }
  if (!record.tasks.empty()) absl::StrAppend(&message, " | ", MetricsInShort(data["tasks"]));
  if (seconds_left > 0) {
    data["seconds_left"] = seconds_left;
    absl::StrAppend(&message, "; about ", DurationInShort(seconds_left), " left");
  }
  log_->Emit("round_committed", message, std::move(data));
}

void RunEvents::BestModels(int round, const std::string& metric, double value) {
  log_->Emit("best_models",
             absl::StrCat("round ", round, " is the best so far: ", metric, " ", value),
             {{"round", round}, {"metric", metric}, {"value", value}});
}

void RunEvents::StoppedEarly(int round, const std::string& reason) {
  log_->Emit("stopped_early", absl::StrCat("ends after round ", round, ": ", reason),
             {{"round", round}, {"reason", reason}});
}

void RunEvents::Progress(const RunSnapshot& snapshot, const std::vector<ClientInfo>& known) {
  log_->EmitLive("progress", snapshot.waiting, ProgressJson(snapshot, known));
}

void RunEvents::RunFinished(const nlohmann::json& result) {
  log_->Emit("run_finished", "the run is finished", {{"result", result}});
}

}  // namespace tributary
