#include "server/round/coordinator.h"

#include <algorithm>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/parallel.h"
#include "common/base/status.h"
#include "common/base/status_macros.h"
#include "common/codec/encoded_state.h"
#include "common/tensor/safetensors.h"
#include "server/round/progress.h"
#include "server/round/round_payload.h"
#include "server/round/round_record.h"
#include "server/round/run_result.h"
#include "server/round/sampler.h"
#include "server/round/task_message.h"

namespace tributary {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(250);
constexpr absl::Duration kProgressEvery = absl::Milliseconds(500);
constexpr absl::Duration kOfferEvery = absl::Seconds(2);
constexpr absl::Duration kFarewell = absl::Seconds(5);

RoundOutcome OutcomeOf(const LiveRound& live) {
  RoundOutcome outcome{.round = live.round(), .updates = {}};
  std::map<std::string, StateDict> representations = live.Representations();
  const std::map<std::string, AcceptedUpdate> accepted = live.Accepted();
  for (const CohortMember& member : live.cohort()) {
    if (!accepted.contains(member.client)) continue;
    outcome.updates.push_back({.client = member.client,
                               .modality = member.modality,
                               .representations = std::move(representations[member.client])});
  }
  return outcome;
}

}  // namespace

void Coordinator::Wake() {
  absl::MutexLock lock(&mutex_);
  woken_ = true;
}

void Coordinator::Stop(const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  if (!stop_.has_value()) stop_ = reason;
  woken_ = true;
}

std::shared_ptr<LiveRound> Coordinator::CurrentRound() const {
  absl::MutexLock lock(&mutex_);
  return live_;
}

RunSnapshot Coordinator::Snapshot() const {
  absl::MutexLock lock(&mutex_);
  RunSnapshot snapshot = snapshot_;
  snapshot.bytes_up = bytes_up_;
  snapshot.bytes_down = bytes_down_;
  if (live_ != nullptr) {
    snapshot.bytes_up += live_->bytes_up();
    snapshot.bytes_down += live_->bytes_down();
    for (const Participant& participant : live_->State().cohort) {
      snapshot.tasks[participant.client] = participant.state;
    }
  }
  return snapshot;
}

void Coordinator::OnAttending(const std::string& client) {
  if (const std::shared_ptr<LiveRound> live = CurrentRound();
      live != nullptr && live->Wants(client)) {
    Offer(*live, client);
  }
  Wake();
}

void Coordinator::OnLost(const std::string& client) {
  if (const std::shared_ptr<LiveRound> live = CurrentRound()) live->Lost(client);
  Wake();
}

absl::Status Coordinator::Run() {
  RETURN_IF_ERROR(Begin());
  ASSIGN_OR_RETURN(const std::optional<int> last, parts_.store->LastRound());
  for (int round = *last + 1; round <= parts_.context->config.rounds; ++round) {
    absl::Status status = RunRound(round);
    if (!status.ok()) {
      CloseRound(std::string(status.message()));
      return status;
    }
  }
  return FinishRun();
}

absl::Status Coordinator::Begin() {
  ASSIGN_OR_RETURN(const std::optional<int> last, parts_.store->LastRound());
  StageTimes stages;
  if (last.has_value()) {
    ASSIGN_OR_RETURN(const std::vector<RoundRecord> history, parts_.store->History());
    for (const RoundRecord& record : history) RememberMerged(record);
    ASSIGN_OR_RETURN(ModelSet models, parts_.store->LoadLast());
    models_ = std::make_shared<ModelSet>(std::move(models));
    if (models_->published.empty()) return PublishModels(&stages);
    for (const auto& [name, whole] : models_->published) published_[name].whole = whole;
    return absl::OkStatus();
  }
  models_ = std::make_shared<ModelSet>();
  models_->globals = std::move(parts_.initial);
  RETURN_IF_ERROR(parts_.strategy->Begin(*parts_.context, models_.get()));
  RoundRecord record;
  return PublishAndStore(&record, parts_.clock->Now(), &stages);
}

absl::Status Coordinator::PublishModels(StageTimes* stages) {
  const StageWork::Scope scope(&stages->encode);
  const RunContext& context = *parts_.context;
  const bool deltas = context.config.wire.download_delta.has_value();
  if (deltas) models_->published.clear();
  for (const auto& [name, dataset] : context.datasets) {
    ASSIGN_OR_RETURN(const std::vector<EncodedState::Source> download,
                     DownloadOf(dataset, *models_));
    PublishedModel& published = published_[name];
    const std::shared_ptr<const EncodedState> last = std::move(published.whole);
    published = Publish(download, models_, deltas ? last.get() : nullptr,
                        {.whole = context.config.wire.download,
                         .delta = context.config.wire.download_delta,
                         .chunk_bytes = context.config.wire.ChunkBytes(),
                         .plain_f32 = context.PlainF32(),
                         .threads = CoreCount()});
    // With differences, what clients hold is more than the globals tell.
    if (deltas) models_->published[name] = published.whole;
  }
  return absl::OkStatus();
}

bool Coordinator::Evaluates(int round) const {
  const RunConfig& config = parts_.context->config;
  return round % config.evaluation.every == 0 || round == config.rounds;
}

absl::StatusOr<Coordinator::EarlyGlobals> Coordinator::MergeRound(LiveRound* live) {
  EarlyGlobals globals;
  const BesideMerge write = [&](const AwaitTensor& await) {
    globals = parts_.store->StageGlobals(live->round(), models_->globals, await);
  };
  RETURN_IF_ERROR(live->MergeInto(&models_->globals,
                                  parts_.strategy->ChangesGlobals() ? BesideMerge() : write));
  return globals;
}

absl::Status Coordinator::PublishAndStore(RoundRecord* record, absl::Time started,
                                          StageTimes* stages, EarlyGlobals globals) {
  std::future<absl::Status> published =
      std::async(std::launch::async, [this, stages] { return PublishModels(stages); });
  // With differences it is part of the commit; else it may take the other cores meanwhile.
  if (parts_.context->config.wire.download_delta.has_value()) RETURN_IF_ERROR(published.get());
  const StageWork::Scope scope(&stages->commit);
  std::future<std::string> hash;
  // SHA-256 takes longer than all else here: of models that somebody will look at.
  if (Evaluates(record->round)) {
    hash = std::async(std::launch::async, [this] { return ModelHash(models_->globals); });
  }
  const absl::StatusOr<StagedModels> staged =
      globals.has_value() ? parts_.store->StageRest(record->round, *models_, *std::move(globals))
                          : parts_.store->Stage(record->round, *models_);
  if (hash.valid()) record->model_hash = hash.get();
  if (published.valid()) RETURN_IF_ERROR(published.get());
  RETURN_IF_ERROR(staged.status());
  record->seconds = absl::ToDoubleSeconds(parts_.clock->Now() - started);
  RETURN_IF_ERROR(parts_.store->Commit(*record, *staged, parts_.clock->Now()));
  RememberMerged(*record);
  return absl::OkStatus();
}

void Coordinator::RememberMerged(const RoundRecord& record) {
  absl::MutexLock lock(&mutex_);
  for (const auto& [client, update] : record.updates.items()) merged_[client] = record.round;
}

absl::Status Coordinator::RunRound(int round) {
  const int attempts = parts_.context->config.round.attempts;
  std::string reason;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    RETURN_IF_ERROR(Enter(round, attempt, Phase::kWaiting, ""));
    RETURN_IF_ERROR(AwaitClients());
    const absl::Time started = parts_.clock->Now();
    ASSIGN_OR_RETURN(const std::shared_ptr<LiveRound> live, OpenRound(round, attempt));
    ASSIGN_OR_RETURN(const RoundDecision decision, AwaitUpdates(live.get()));
    if (decision.action == RoundDecision::Action::kClose) {
      return CommitRound(live.get(), started);
    }
    reason = decision.reason;
    CloseRound(reason);
    sums_ = live->TakeSums();
    parts_.events->Emit("round_retry",
                        absl::StrCat("round ", round, " is attempted anew: ", reason),
                        {{"round", round}, {"attempt", attempt}, {"reason", reason}});
  }
  return absl::UnavailableError(absl::StrCat(
      "round ", round, " came to nothing in ", attempts, " attempts, last because: ", reason,
      "; the last commit stands: mend that and start again"));
}

Attendance Coordinator::TakeAttendance() const {
  std::map<std::string, int> attending;
  Attendance attendance{.expected = parts_.context->ExpectedClients(),
                        .attending = 0,
                        .every_dataset = true,
                        .waiting_since = missed_since_};
  for (const ClientInfo& client : parts_.registry->Clients()) {
    if (!client.attending) continue;
    ++attendance.attending;
    ++attending[client.dataset];
  }
  for (const auto& [name, dataset] : parts_.context->datasets) {
    attendance.every_dataset &= attending[name] > 0;
  }
  return attendance;
}

absl::Status Coordinator::AwaitClients() {
  const RoundConfig& config = parts_.context->config.round;
  // At the start everybody is awaited for long; later, a client that was lost gets the grace
  // period.
  const bool first = first_round_ == absl::InfinitePast();
  const absl::Duration patience = first ? config.join_timeout : config.grace;
  while (true) {
    Attendance attendance = TakeAttendance();
    const bool complete = attendance.attending >= attendance.expected && attendance.every_dataset;
    if (complete) {
      missed_since_ = absl::InfinitePast();
    } else if (missed_since_ == absl::InfinitePast()) {
      missed_since_ = parts_.clock->Now();
    }
    attendance.waiting_since = missed_since_;
    RoundDecision decision = DecideStart(parts_.clock->Now(), attendance, patience);
    if (decision.action == RoundDecision::Action::kClose) {
      if (first) first_round_ = parts_.clock->Now();
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(Pause(decision.until, decision.reason));
  }
}

std::vector<CohortMember> Coordinator::SampleMembers(int round, int attempt) const {
  const RunConfig& config = parts_.context->config;
  std::map<std::string, std::vector<std::string>> groups;
  std::map<std::string, CohortMember> members;
  for (const ClientInfo& client : parts_.registry->Clients()) {
    if (!client.attending) continue;
    groups[client.dataset].push_back(client.name);
    members[client.name] = {client.name, client.dataset, client.modality, client.samples};
  }
  std::vector<CohortMember> cohort;
  for (const std::string& name :
       SampleCohort(groups, config.round.fraction, config.seed, round, attempt)) {
    cohort.push_back(members.at(name));
  }
  std::sort(cohort.begin(), cohort.end(),
            [](const CohortMember& a, const CohortMember& b) { return a.client < b.client; });
  return cohort;
}

absl::StatusOr<std::shared_ptr<LiveRound>> Coordinator::OpenRound(int round, int attempt) {
  const RunContext& context = *parts_.context;
  LiveRound::Setup setup;
  setup.round = round;
  setup.attempt = attempt;
  setup.deadline = parts_.clock->Now() + context.config.round.deadline;
  setup.cohort = SampleMembers(round, attempt);
  setup.spool_folder = parts_.store->folder();
  const int64_t spool_bytes = parts_.spool_bytes.value_or(SpoolBytes(LargestUpload(context)));
  if (spool_budget_ == nullptr) {
    spool_budget_ = std::make_shared<SpoolBudget>(spool_bytes, spool_bytes);
  }
  setup.spool_budget = spool_budget_;
  setup.threads = CoreCount();
  setup.clock = parts_.clock;
  setup.downloads = published_;
  std::vector<Target> targets;
  for (const auto& [name, dataset] : context.datasets) targets.push_back(TargetOf(dataset));
  setup.aggregator = std::make_unique<Aggregator>(std::move(targets), setup.cohort,
                                                  context.config.aggregation, std::move(sums_),
                                                  UploadsOf(setup.cohort, context) <= spool_bytes);
  nlohmann::json names = nlohmann::json::array();
  for (const CohortMember& member : setup.cohort) names.push_back(member.client);
  auto live = std::make_shared<LiveRound>(std::move(setup), [this] { Wake(); });
  {
    absl::MutexLock lock(&mutex_);
    live_ = live;
  }
  RETURN_IF_ERROR(Enter(round, attempt, Phase::kTraining, ""));
  parts_.events->Emit("round_started",
                      absl::StrCat("round ", round, " of ", context.config.rounds, ": ",
                                   names.size(), " clients sampled"),
                      {{"round", round}, {"attempt", attempt}, {"cohort", names}});
  for (const CohortMember& member : live->cohort()) Offer(*live, member.client);
  last_offer_ = parts_.clock->Now();
  return live;
}

void Coordinator::Offer(const LiveRound& live, const std::string& client) const {
  int merged_round = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (const auto found = merged_.find(client); found != merged_.end()) {
      merged_round = found->second;
    }
  }
  v1::ServerMessage message;
  *message.mutable_task() = MakeTask(*parts_.context, live.round(), live.attempt(),
                                     live.State().deadline - parts_.clock->Now(), merged_round);
  parts_.registry->Send(client, std::move(message));
}

absl::StatusOr<RoundDecision> Coordinator::AwaitUpdates(LiveRound* live) {
  while (true) {
    if (const absl::Status health = live->health(); !health.ok()) {
      return RoundDecision{RoundDecision::Action::kRetry, std::string(health.message())};
    }
    const RoundDecision decision =
        Decide(parts_.clock->Now(), live->State(), parts_.context->config.round);
    if (decision.action != RoundDecision::Action::kWait) return decision;
    RETURN_IF_ERROR(Pause(decision.until, decision.reason));
  }
}

void Coordinator::CloseRound(const std::string& reason) {
  const std::shared_ptr<LiveRound> live = CurrentRound();
  if (live == nullptr) return;
  live->Close();
  for (const Participant& participant : live->State().cohort) {
    if (participant.state == TaskState::kReported) continue;
    v1::ServerMessage message;
    message.mutable_cancel_task()->set_round(static_cast<uint32_t>(live->round()));
    message.mutable_cancel_task()->set_attempt(static_cast<uint32_t>(live->attempt()));
    message.mutable_cancel_task()->set_reason(reason);
    parts_.registry->Send(participant.client, std::move(message));
  }
  absl::MutexLock lock(&mutex_);
  bytes_up_ += live->bytes_up();
  bytes_down_ += live->bytes_down();
  live_.reset();
}

absl::Status Coordinator::CommitRound(LiveRound* live, absl::Time started) {
  const int round = live->round(), attempt = live->attempt();
  const std::shared_ptr<LiveRound> keep = CurrentRound();  // CloseRound() drops the other reference
  CloseRound(absl::StrCat("round ", round, " is closed"));
  RETURN_IF_ERROR(Enter(round, attempt, Phase::kAggregating, ""));
  const RunConfig& config = parts_.context->config;
  if (!config.wire.download_delta.has_value()) published_.clear();
  // A client that reads the round's model to its end, though it comes too late, keeps it as it was.
  if (models_.use_count() > 1) models_ = std::make_shared<ModelSet>(*models_);
  ASSIGN_OR_RETURN(EarlyGlobals globals, MergeRound(live));
  sums_ = live->TakeSums();
  RETURN_IF_ERROR(
      parts_.strategy->AfterAggregation(*parts_.context, OutcomeOf(*live), models_.get()));

  RoundRecord record;
  record.round = round;
  record.attempt = attempt;
  if (Evaluates(round)) {
    RETURN_IF_ERROR(Enter(round, attempt, Phase::kEvaluating, ""));
    ASSIGN_OR_RETURN(record.tasks, parts_.evaluate(models_->globals));
  }
  record.updates = UpdatesJson(live->Accepted(), live->cohort());
  record.bytes_up = live->bytes_up();
  record.bytes_down = live->bytes_down();
  RETURN_IF_ERROR(PublishAndStore(&record, started, &live->stages(), std::move(globals)));
  RETURN_IF_ERROR(Enter(round, attempt, Phase::kCommitted, ""));
  const nlohmann::json stages = live->stages().ToJson();
  const double seconds = absl::ToDoubleSeconds(parts_.clock->Now() - started);
  nlohmann::json data = {{"round", round},
                         {"attempt", attempt},
                         {"seconds", seconds},
                         {"bytes_up", record.bytes_up},
                         {"bytes_down", record.bytes_down},
                         {"clients", live->Accepted().size()},
                         {"loss", MeanLosses(record.updates)},
                         {"stages", stages}};
  if (!record.model_hash.empty()) data["model_hash"] = record.model_hash;
  if (!record.tasks.empty()) data["tasks"] = record.tasks;
  parts_.events->Emit("round_committed",
                      absl::StrCat("round ", round, " of ", config.rounds, " committed with ",
                                   live->Accepted().size(), " updates"),
                      std::move(data));
  return absl::OkStatus();
}

absl::Status Coordinator::FinishRun() {
  ASSIGN_OR_RETURN(const std::vector<RoundRecord> history, parts_.store->History());
  const nlohmann::json result = MakeRunResult(*parts_.context, history);
  RETURN_IF_ERROR(WriteRunResult(parts_.store->folder(), *parts_.context, result, *models_));
  RETURN_IF_ERROR(Enter(history.back().round, 0, Phase::kFinished, ""));
  v1::ServerMessage message;
  message.mutable_shutdown()->set_reason(v1::Shutdown::REASON_RUN_FINISHED);
  message.mutable_shutdown()->set_message("the run is finished");
  parts_.registry->SendToAll(message);
  parts_.events->Emit("run_finished", "the run is finished", {{"result", result}});
  // Clients take their leave; those that do not are cut off with the server.
  const absl::Time end = parts_.clock->Now() + kFarewell;
  while (parts_.registry->linked() > 0 && parts_.clock->Now() < end) {
    if (!Pause(end, "waiting for clients to leave").ok()) break;
  }
  return absl::OkStatus();
}

absl::Status Coordinator::Enter(int round, int attempt, Phase phase, const std::string& reason) {
  {
    absl::MutexLock lock(&mutex_);
    snapshot_.round = round;
    snapshot_.phase = phase;
    snapshot_.waiting = reason;
  }
  EmitProgress();
  return parts_.store->RecordTransition(parts_.clock->Now(), round, attempt, PhaseName(phase),
                                        reason);
}

absl::Status Coordinator::Pause(absl::Time until, const std::string& waiting) {
  Tick();
  absl::MutexLock lock(&mutex_);
  snapshot_.waiting = waiting;
  const absl::Duration most = std::clamp(until - parts_.clock->Now(), absl::ZeroDuration(), kTick);
  mutex_.AwaitWithTimeout(absl::Condition(&woken_), most);
  woken_ = false;
  if (stop_.has_value()) return absl::CancelledError(*stop_);
  return absl::OkStatus();
}

void Coordinator::Tick() {
  const absl::Time now = parts_.clock->Now();
  if (now - last_sweep_ >= kTick) {  // a tick may come with each update; a sweep visits all clients
    DropSilent();
    last_sweep_ = now;
  }
  const std::shared_ptr<LiveRound> live = CurrentRound();
  if (live != nullptr && now - last_offer_ >= kOfferEvery) {
    for (const std::string& client : live->Unacknowledged()) Offer(*live, client);
    last_offer_ = now;
  }
  if (live != nullptr) live->AdmitOverdue();
  if (now - last_progress_ >= kProgressEvery) {
    EmitProgress();
    last_progress_ = now;
  }
}

void Coordinator::DropSilent() {
  for (const std::string& client :
       parts_.registry->DropSilent(parts_.context->config.wire.liveness)) {
    parts_.events->Emit("client_left", absl::StrCat(client, " fell silent"),
                        {{"client", client}, {"reason", "silent"}});
    OnLost(client);
  }
}

void Coordinator::EmitProgress() const {
  const RunSnapshot snapshot = Snapshot();
  parts_.events->EmitLive("progress", snapshot.waiting,
                          ProgressJson(snapshot, parts_.registry->Clients()));
}

}  // namespace tributary
